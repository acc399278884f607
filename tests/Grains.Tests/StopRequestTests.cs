using Microsoft.Extensions.Time.Testing;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Tests;

public sealed class StopRequestTests
{
    private readonly FakeTimeProvider time = new();
    private readonly StopRequest stop;

    public StopRequestTests() => stop = new StopRequest(time);

    [Fact]
    public void Stop_WithADeadline_LeavesTimeForWhatFitsBeforeIt()
    {
        stop.Stop(StopReason.Eviction, time.GetUtcNow().AddSeconds(30));

        Assert.True(stop.LeavesTimeFor(TimeSpan.FromSeconds(27)));
        Assert.False(stop.LeavesTimeFor(TimeSpan.FromSeconds(28)));
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.False(stop.LeavesTimeFor(TimeSpan.FromSeconds(9)));
        Assert.False(stop.Late.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(7));
        Assert.True(stop.Late.IsCancellationRequested);
    }

    [Fact]
    public void Stop_WithoutADeadline_LeavesTimeForAnything()
    {
        stop.Stop(StopReason.Requested);
        time.Advance(TimeSpan.FromDays(2));

        Assert.True(stop.LeavesTimeFor(TimeSpan.FromDays(1)));
        Assert.False(stop.Late.IsCancellationRequested);
    }

    [Fact]
    public void Stop_MoreThanOnce_KeepsTheFirstReasonAndTheEarliestDeadline()
    {
        stop.Stop(StopReason.Requested);
        stop.Stop(StopReason.Eviction, time.GetUtcNow().AddSeconds(10));
        stop.Stop(StopReason.Eviction, time.GetUtcNow().AddDays(300));

        Assert.Equal(StopReason.Requested, stop.Reason);
        time.Advance(TimeSpan.FromSeconds(8));
        Assert.True(stop.Late.IsCancellationRequested);
    }
}
