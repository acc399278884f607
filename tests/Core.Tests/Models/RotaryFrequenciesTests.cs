using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Models;

/// <summary>YaRN as the 2-hour track has it, against its formulas in float64.</summary>
public sealed class RotaryFrequenciesTests
{
    private static readonly ModelRecipe Model = SpecReader.FromPreset("slowrun-2h").Recipe.Model;

    [Theory]
    [InlineData(768)]
    [InlineData(1792, 768)]
    [InlineData(2048, 768, 1792)]
    public void Of_TheTwoHourTracksWindows_IsWhatItsFormulasGive(int window, params int[] before)
    {
        var expected = Enumerable.Range(0, 64).Select(j => Math.Pow(10_000, -2.0 * j / 128)).ToArray();
        double scale = 1;
        foreach (var (from, to) in before.Zip(before.Skip(1).Append(window)))
        {
            var shrunk = (double)from / to;
            for (var j = 0; j < expected.Length; j++)
            {
                var kept = Math.Clamp(((from * expected[j] / (2 * Math.PI)) - 1) / 31, 0, 1);
                expected[j] *= shrunk + (kept * (1 - shrunk));
            }

            scale *= (0.2 * Math.Log((double)to / from)) + 1;
        }

        var found = RotaryFrequencies.Of(Model, window);

        Assert.Equal(64, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(1, pair.Second / pair.First, 1e-5));
        Assert.Equal(scale, RotaryFrequencies.ScoreScale(Model, window), 1e-12);
    }

    /// <summary>Fast ones stay as they are, slow ones take as much longer as the window became.</summary>
    [Fact]
    public void Of_TheGrownModel_StretchesSlowFrequenciesAlone()
    {
        var (before, after) = (RotaryFrequencies.Of(Model with { Yarn = null }, 2048), RotaryFrequencies.Of(Model, 2048));

        Assert.Equal(before[0], after[0]);
        Assert.Equal(768.0 / 2048, after[^1] / before[^1], 1e-6);
    }

    [Fact]
    public void Of_AModelWithoutYarn_DependsOnNoWindow()
    {
        var plain = Model with { Yarn = null };

        Assert.Equal(RotaryFrequencies.Of(plain, 768), RotaryFrequencies.Of(plain, 2048));
        Assert.Equal((1.0, 1.0), (RotaryFrequencies.ScoreScale(plain, 768), RotaryFrequencies.ScoreScale(plain, 2048)));
    }
}
