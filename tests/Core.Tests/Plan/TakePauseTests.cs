using Slowrun.Core.Plan;

namespace Slowrun.Core.Tests.Plan;

public sealed class TakePauseTests
{
    private static readonly DateTimeOffset FailedAt = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, 0, null)]
    [InlineData(1, 0, 1.0)]
    [InlineData(3, 1, 3.0)]
    [InlineData(3, 4, null)]
    [InlineData(20, 10, 50.0)]
    public void Left_AfterFailedTakes_IsWhatOfThePauseHasNotPassed(int failedTakes, double passed, double? seconds) =>
        Assert.Equal(seconds, TakePause.Left(failedTakes, FailedAt, FailedAt.AddSeconds(passed))?.TotalSeconds);
}
