using Slowrun.Core.Schedules;

namespace Slowrun.Core.Tests.Schedules;

public sealed class DropoutRatesTests
{
    /// <summary>Of 12 data epochs in 240 steps: 0.1 to 0.15 from the seventh on, which begins with step 120. Computed by hand.</summary>
    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(120, 0.1)]
    [InlineData(121, 0.1)]
    [InlineData(122, 0.1 + (0.05 / 120))]
    [InlineData(181, 0.125)]
    [InlineData(239, 0.1 + (0.05 * 118 / 120))]
    public void At_OfUpstreamsTrial_IsAStepBehindItsLine(int step, double expected) =>
        Assert.Equal(expected, DropoutRates.At(step, 240, 12, 0.1, 0.15, 7), 1e-15);

    [Theory]
    [InlineData(1, 0.2)]
    [InlineData(51, 0.15)]
    [InlineData(100, 0.101)]
    public void At_WhereItFallsFromTheFirstStepOn_FallsAllTheWay(int step, double expected) =>
        Assert.Equal(expected, DropoutRates.At(step, 100, 3, 0.2, 0.1, 1), 1e-15);

    /// <summary>2.5 steps are 2, and 7.5 are 8: where upstream's rounding puts the first step of the line.</summary>
    [Theory]
    [InlineData(5, 2)]
    [InlineData(15, 8)]
    public void At_WhereAnEpochBeginsBetweenTwoSteps_BeginsAtTheEvenOne(int steps, int first)
    {
        var rising = Enumerable.Range(0, steps).First(step => DropoutRates.At(step, steps, 2, 0, 0.5, 2) > 0);

        Assert.Equal(first + 2, rising);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(101)]
    public void At_OutsideTheStage_Throws(int step) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DropoutRates.At(step, 100, 2, 0, 0.5, 1));
}
