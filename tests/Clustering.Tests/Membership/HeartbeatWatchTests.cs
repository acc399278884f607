using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class HeartbeatWatchTests
{
    private readonly FakeTimeProvider time = new();
    private readonly HeartbeatWatch watch;

    public HeartbeatWatchTests() => watch = new HeartbeatWatch(time);

    /// <summary>A heartbeat that is always cut off before it is written makes a living silo look dead.</summary>
    [Fact]
    public void TryTime_OnASlowStore_IsLongEnoughForAReadAndAWrite()
    {
        Assert.Equal(HeartbeatWatch.ShortestTry, watch.TryTime);

        Write(TimeSpan.FromSeconds(1.5));

        Assert.True(watch.TryTime >= TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void TryTime_AfterAnOutage_IsShortAgainWithTheNextAnswer()
    {
        Write(TimeSpan.FromSeconds(30));
        Assert.Equal(TimeSpan.FromSeconds(15), watch.TryTime);

        Write(TimeSpan.FromSeconds(0.01));

        Assert.Equal(HeartbeatWatch.ShortestTry, watch.TryTime);
    }

    private void Write(TimeSpan took)
    {
        var began = watch.Now;
        time.Advance(took);
        watch.Wrote(began);
    }
}
