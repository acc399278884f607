using Slowrun.Core.Efficiency;

namespace Slowrun.Core.Tests.Efficiency;

public sealed class BaselineCurveTests
{
    private static readonly BaselinePoint[] Falling = [new(100, 3), new(200, 2), new(800, 1)];

    [Theory]
    [InlineData(3, 1)]
    [InlineData(2, 2)]
    [InlineData(1, 8)]
    public void FactorOf_APointsLoss_IsThatPoint(double loss, double times) =>
        Assert.Equal(new DataFactor(times, FactorKind.Read), BaselineCurve.FactorOf(loss, Falling, 100));

    [Fact]
    public void FactorOf_BetweenPoints_IsStraightOverTheLogarithmOfTokens()
    {
        Assert.Equal(Math.Sqrt(2), BaselineCurve.FactorOf(2.5, Falling, 100).Times, 12);
        // Half-way from 200 to 800 is 400.
        Assert.Equal(4, BaselineCurve.FactorOf(1.5, Falling, 100).Times, 12);
        Assert.Equal(2, BaselineCurve.FactorOf(1.5, Falling, 200).Times, 12);
    }

    [Fact]
    public void FactorOf_BeyondTheEnds_IsABoundAndNotExtrapolated()
    {
        Assert.Equal(new DataFactor(8, FactorKind.AtLeast), BaselineCurve.FactorOf(0.999, Falling, 100));
        Assert.Equal(new DataFactor(1, FactorKind.Below), BaselineCurve.FactorOf(3.001, Falling, 100));
    }

    [Fact]
    public void FactorOf_ACurveThatRisesAgain_IsTheFirstTimeThatTheLossIsReached()
    {
        BaselinePoint[] noisy = [new(100, 3), new(200, 1.5), new(400, 2), new(800, 1)];

        Assert.Equal(2, BaselineCurve.FactorOf(1.5, noisy, 100).Times);
        Assert.Equal(Math.Pow(2, 2.0 / 3), BaselineCurve.FactorOf(2, noisy, 100).Times, 12);
        // Below its first minimum it is read between the last rise and the next fall: of 2 to 1, a quarter is 0.75.
        Assert.Equal(4 * Math.Pow(2, 0.75), BaselineCurve.FactorOf(1.25, noisy, 100).Times, 12);
    }

    [Fact]
    public void FactorOf_PointsOfEqualLoss_IsTheOneOfFewerTokens()
    {
        BaselinePoint[] flat = [new(100, 3), new(200, 2), new(400, 2)];

        Assert.Equal(2, BaselineCurve.FactorOf(2, flat, 100).Times);
        Assert.Equal(new DataFactor(4, FactorKind.AtLeast), BaselineCurve.FactorOf(1.9, flat, 100));
    }

    [Fact]
    public void FactorOf_NoPointsOrUnordered_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => BaselineCurve.FactorOf(1, [], 100));
        Assert.Throws<ArgumentException>(() => BaselineCurve.FactorOf(1, [new(200, 1), new(200, 2)], 100));
    }

    // Upstream's records 9 (the article's 10x), 1 and 6, by github.com/qlabs-eng/slowrun: 10x, 3.8x and 7.9x with straight lines over
    // tokens, which ours over their logarithm come near from below.
    [Theory]
    [InlineData(3.045, 10.0)]
    [InlineData(3.402, 3.7)]
    [InlineData(3.126, 7.9)]
    public void FactorOf_UpstreamsPublishedLosses_AreItsPublishedFactors(double loss, double times)
    {
        var factor = BaselineCurve.FactorOf(loss, UpstreamBaseline.Points, UpstreamBaseline.TrainTokens);

        Assert.Equal((times, FactorKind.Read), (Math.Round(factor.Times, 1), factor.Kind));
    }

    [Fact]
    public void UpstreamsTable_SuitsItsTokensAndItsSizeAlone()
    {
        Assert.True(UpstreamBaseline.Suits("gpt2", 100_000_000));
        Assert.True(UpstreamBaseline.Suits("gpt2", 99_990_000));
        Assert.False(UpstreamBaseline.Suits("gpt2", 50_000_000));
        Assert.False(UpstreamBaseline.Suits("bytes", 100_000_000));
    }
}
