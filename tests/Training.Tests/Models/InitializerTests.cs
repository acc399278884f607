using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;

namespace Slowrun.Training.Tests.Models;

public sealed class InitializerTests
{
    /// <summary>Normal numbers are drawn in pairs: a part must not begin with the second of one.</summary>
    [Theory]
    [InlineData(ParameterRole.Embedding, 7, 13)]
    [InlineData(ParameterRole.InputMatrix, 101, 33)]
    [InlineData(ParameterRole.Unembedding, 1, 5)]
    public void Fill_OnAnyNumberOfThreads_DrawsTheSameNumbers(ParameterRole role, int rows, int columns)
    {
        var spec = new ParameterSpec("matrix", [rows, columns], role);
        float[] Drawn(int threads)
        {
            var values = new float[rows * columns];
            Initializer.Fill(values, spec, new ModelRecipe(), 5, threads);
            return values;
        }

        var expected = Drawn(1);

        Assert.Equal(expected.Length, expected.Distinct().Count());
        Assert.Equal(expected, Drawn(2));
        Assert.Equal(expected, Drawn(3));
        Assert.Equal(expected, Drawn(8));
    }
}
