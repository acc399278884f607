using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Tests.Loop;

/// <summary>A wake makes the slot loop look once, a moment later, behind the call; a silo that stops is not woken.</summary>
public sealed class WakesTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly SlotTable slots = new(["cpu:0"]);
    private readonly LocalWork local = new();
    private readonly Lifetime lifetime = new();
    private readonly Wakes wakes;

    public WakesTests() => wakes = new Wakes(slots, local, lifetime, time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        slots.Dispose();
        lifetime.Dispose();
    }

    [Fact]
    public async Task Wake_LetsTheLoopLook_AsAHint()
    {
        wakes.Wake(among: 0);
        wakes.Wake(among: 0);

        Assert.Equal(Poked.ByHint, await slots.WaitAsync(TimeSpan.FromSeconds(30), Cancel));
    }

    [Fact]
    public async Task Wake_OfASiloThatStops_DoesNothing()
    {
        await local.StopAsync(StopReason.Requested, deadline: null, Cancel);

        Assert.True(wakes.WakeAsync(among: 0).IsCompleted);
        Assert.Equal(Poked.No, await slots.WaitAsync(TimeSpan.Zero, Cancel));
    }

    [Fact]
    public async Task Wake_WhoseDelayIsUnderWayWhenTheHostStops_EndsAtOnce()
    {
        var wake = wakes.WakeAsync(among: 500);

        lifetime.StopApplication();
        await wake;

        Assert.Equal(Poked.No, await slots.WaitAsync(TimeSpan.Zero, Cancel));
    }

    [Fact]
    public async Task Poke_BesideAHint_CountsAsAPoke()
    {
        slots.Poke(isHint: true);
        slots.Poke();
        slots.Poke(isHint: true);

        Assert.Equal(Poked.Yes, await slots.WaitAsync(TimeSpan.Zero, Cancel));
    }

    [Fact]
    public void Waited_AfterAHint_KeepsThePause()
    {
        var pace = new LookPace();
        pace.Waited(Poked.No);
        var pause = pace.Pause;

        pace.Waited(Poked.ByHint);

        Assert.Equal(pause, pace.Pause);
    }

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => stopping.Cancel();

        public void Dispose() => stopping.Dispose();
    }
}
