using Slowrun.Web.Charts;

namespace Slowrun.Web.Tests.Charts;

public sealed class TicksTests
{
    [Theory]
    [InlineData(0, 100, 5, new[] { 0.0, 20, 40, 60, 80, 100 })]
    [InlineData(1.62, 1.74, 6, new[] { 1.62, 1.64, 1.66, 1.68, 1.70, 1.72, 1.74 })]
    [InlineData(3, 3, 5, new[] { 3.0 })]
    public void Between_TwoValues_AreRound(double low, double high, int count, double[] expected) =>
        Assert.Equal(expected, Ticks.Between(low, high, count).Select(tick => Math.Round(tick, 9)));

    [Fact]
    public void BetweenTimes_OfAnHour_AreEveryTenMinutes() =>
        Assert.Equal([0, 600, 1200, 1800, 2400, 3000, 3600], Ticks.BetweenTimes(0, 3600, 6));
}
