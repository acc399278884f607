using Slowrun.Core.Plan;

namespace Slowrun.Core.Tests.Plan;

public sealed class LeavePlanTests
{
    [Theory]
    [InlineData(30, 27)]
    [InlineData(20, 18)]
    [InlineData(10, 8)]
    [InlineData(2, 0)]
    [InlineData(0, 0)]
    [InlineData(-5, 0)]
    public void TimeToCommit_KeepsTwoSecondsOrATenth(double left, double expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), LeavePlan.TimeToCommit(TimeSpan.FromSeconds(left)));

    // The state of a 1.8 B model with its average, copied in 0.4 s and uploaded behind that.
    [Theory]
    [InlineData(1.25e9, true)]
    [InlineData(0.6e9, false)]
    public void Fits_OfTwentyTwoGigabytesInANoticeOfThirtySeconds_FollowsFromTheUploadsRate(double bytesPerSecond, bool expected) =>
        Assert.Equal(expected, LeavePlan.Fits(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(0.4 + (22.5e9 / bytesPerSecond))));

    [Theory]
    [InlineData(30d, 27d, true)]
    [InlineData(30d, 27.1d, false)]
    [InlineData(10d, 8d, true)]
    [InlineData(10d, 8.1d, false)]
    [InlineData(2d, 0d, false)]
    [InlineData(0d, 0d, false)]
    [InlineData(2.1, null, true)]
    [InlineData(2, null, false)]
    public void Fits_ComparesWhatACheckpointTakesWithTheTimeLeft(double left, double? took, bool expected) =>
        Assert.Equal(expected, LeavePlan.Fits(TimeSpan.FromSeconds(left), took is { } seconds ? TimeSpan.FromSeconds(seconds) : null));
}
