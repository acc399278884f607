using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;

namespace Slowrun.Grains.Tests;

public sealed class IdleClockTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Looked_WhenNothingWasReadyForTheLimit_TellsHowLong()
    {
        var clock = new IdleClock(TimeSpan.FromMinutes(10), time);

        Assert.Null(clock.Looked(busy: false));
        time.Advance(TimeSpan.FromMinutes(9.9));
        Assert.Null(clock.Looked(busy: false));
        time.Advance(TimeSpan.FromMinutes(0.2));
        Assert.Equal(TimeSpan.FromMinutes(10.1), clock.Looked(busy: false));
    }

    [Fact]
    public void Looked_WhenWorkCameMeanwhile_BeginsAnew()
    {
        var clock = new IdleClock(TimeSpan.FromMinutes(10), time);
        clock.Looked(busy: false);
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.Null(clock.Looked(busy: true));
        time.Advance(TimeSpan.FromMinutes(30));

        Assert.Null(clock.Looked(busy: true));
        Assert.Null(clock.Looked(busy: false));
        time.Advance(TimeSpan.FromMinutes(9));
        Assert.Null(clock.Looked(busy: false));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.NotNull(clock.Looked(busy: false));
    }

    [Fact]
    public void Looked_WithoutALimit_NeverEnds()
    {
        var clock = new IdleClock(null, time);
        clock.Looked(busy: false);
        time.Advance(TimeSpan.FromDays(30));

        Assert.Null(clock.Looked(busy: false));
    }
}
