using Slowrun.Core.Mixtures;
using Slowrun.Core.Selection;

namespace Slowrun.Core.Tests.Selection;

public sealed class MixtureGradientTests
{
    // Lengths around a vector of four, and around the block of 1,024.
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1024)]
    [InlineData(1027)]
    public void Of_MembersOfAnyLength_IsTheLossAndItsSlope(int targets)
    {
        var random = new Random(targets);
        ReadOnlyMemory<float>[] members =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(_ => (ReadOnlyMemory<float>)Enumerable.Range(0, targets).Select(_ => random.NextSingle() + 0.01f).ToArray()),
        ];
        double[] weights = [0.2, 0.3, 0.5];

        var (loss, gradient) = MixtureGradient.Of(members, weights);

        Assert.Equal(Mixture.LossNats(members, weights), loss, 1e-12);
        for (var m = 0; m < weights.Length; m++)
        {
            double[] up = [.. weights],
                down = [.. weights];
            up[m] += 1e-5;
            down[m] -= 1e-5;
            var slope = (MixtureGradient.Of(members, up).LossNats - MixtureGradient.Of(members, down).LossNats) / 2e-5;
            Assert.Equal(slope, gradient[m], 1e-5);
        }
    }

    [Fact]
    public void Of_OnSeveralThreads_GivesTheSameBits()
    {
        var random = new Random(1);
        ReadOnlyMemory<float>[] members =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(_ => (ReadOnlyMemory<float>)Enumerable.Range(0, 70_000).Select(_ => random.NextSingle()).ToArray()),
        ];

        var one = MixtureGradient.Of(members, [0.2, 0.3, 0.5]);
        var four = MixtureGradient.Of(members, [0.2, 0.3, 0.5], threads: 4);

        Assert.Equal(one.LossNats, four.LossNats);
        Assert.Equal(one.Gradient, four.Gradient);
    }

    [Fact]
    public void Of_ATargetThatNoMemberExpected_HasABoundedLossAndNoSlope()
    {
        var (loss, gradient) = MixtureGradient.Of([new float[] { 0 }, new float[] { 0 }], [0.5, 0.5]);

        Assert.Equal(-Math.Log(Mixture.SmallestProbability), loss, 1e-12);
        Assert.Equal([0.0, 0.0], gradient);
    }
}
