using Slowrun.Core.Mixtures;

namespace Slowrun.Core.Tests.Mixtures;

public sealed class ProbabilityMixtureTests
{
    [Fact]
    public void LossNats_OfTwoMembers_IsTheLossOfTheirMeanProbability() =>
        Assert.Equal(-(Math.Log(0.5) + Math.Log(0.3)) / 2, Mixture.LossNats([P(0.25f, 0.5f), P(0.75f, 0.1f)]), 1e-7);

    [Fact]
    public void LossNats_WhenWeightsDoNotSumToOne_IsThatOfTheirProportions() =>
        Assert.Equal(Mixture.LossNats([P(0.2f), P(0.6f)], [0.25, 0.75]), Mixture.LossNats([P(0.2f), P(0.6f)], [1, 3]), 1e-15);

    [Fact]
    public void LossNats_WhenNoMemberExpectedTheTarget_IsBounded() => Assert.Equal(-Math.Log(1e-12), Mixture.LossNats([P(0f)]), 1e-12);

    [Fact]
    public void RunningMixture_OfManyMembers_EqualsTheMixtureOfEachPrefix()
    {
        var random = new Random(3);
        var members = Enumerable.Range(0, 5).Select(_ => P([.. Enumerable.Range(0, 100).Select(_ => random.NextSingle())])).ToArray();

        var running = new RunningMixture();
        foreach (var p in members)
        {
            running.Add(p.Span);
        }

        Assert.Equal(Enumerable.Range(1, 5).Select(n => Mixture.LossNats(members[..n])), running.LossNats);
    }

    [Fact]
    public void BitsPerByte_OfATokenOfNoBytes_LeavesItOut()
    {
        var mixture = Mixture.Of([P(0.5f, 0.001f, 0.25f)]);

        Assert.Equal(3.0 / 4, mixture.BitsPerByte([1, 0, 3]), 1e-12);
    }

    [Fact]
    public void Of_WhenAMemberIsOfAnotherSet_Throws() => Assert.Throws<ArgumentException>(() => Mixture.Of([P(1f, 1f), P(1f)]));

    [Theory]
    [InlineData(new[] { 1.0 })]
    [InlineData(new[] { 1.0, 2, 3 })]
    public void Of_WhenThereIsNotAWeightForEach_Throws(double[] weights) =>
        Assert.Throws<ArgumentException>(() => Mixture.Of([P(1f), P(1f)], weights));

    [Fact]
    public void Of_NoMember_Throws() => Assert.Throws<ArgumentException>(() => Mixture.Of([]));

    private static ReadOnlyMemory<float> P(params float[] p) => p;
}
