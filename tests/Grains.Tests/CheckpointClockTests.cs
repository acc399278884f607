using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Tests;

public sealed class CheckpointClockTests
{
    private readonly FakeTimeProvider time = new();
    private readonly LiveOperations operations = new(
        new Operations { CheckpointAtLeastEvery = TimeSpan.FromHours(1), CheckpointAtMostEvery = TimeSpan.FromHours(1) }
    );

    [Fact]
    public void Due_WhenTheIntervalIsChanged_FollowsItAtOnce()
    {
        var clock = new CheckpointClock(operations, time);
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.False(clock.Due(10));

        operations.Now = operations.Now with
        {
            CheckpointAtLeastEvery = TimeSpan.FromMinutes(1),
            CheckpointAtMostEvery = TimeSpan.FromMinutes(1),
        };
        Assert.True(clock.Due(10));

        operations.Now = operations.Now with { CheckpointEverySteps = 20 };
        Assert.False(clock.Due(10));
        Assert.True(clock.Due(20));
    }

    [Fact]
    public void Interval_OfLossesSeen_IsNoLongerThanThoseExpected()
    {
        operations.Now = new Operations
        {
            ExpectedTimeBetweenLosses = TimeSpan.FromHours(2),
            CheckpointAtMostEvery = TimeSpan.FromHours(5),
        };
        var clock = new CheckpointClock(operations, time);
        clock.Committed(TimeSpan.FromSeconds(10), TimeSpan.Zero);
        var expected = clock.Interval;

        clock.SeenBetweenLosses = TimeSpan.FromMinutes(30);
        Assert.Equal(expected / 2, clock.Interval);
        clock.SeenBetweenLosses = TimeSpan.FromHours(9);
        Assert.Equal(expected, clock.Interval);
    }

    [Fact]
    public void Took_OfCheckpoints_CountsCaptureAndUploadInFull()
    {
        var clock = new CheckpointClock(operations, time);
        Assert.Null(clock.Took);

        clock.Committed(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(9));
        Assert.Equal(TimeSpan.FromSeconds(10), clock.Took);
    }
}
