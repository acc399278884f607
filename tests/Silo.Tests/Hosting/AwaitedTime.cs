using Microsoft.Extensions.Time.Testing;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>A clock that is set forward only while code waits by it: no step is lost.</summary>
internal sealed class AwaitedTime : FakeTimeProvider, IDisposable
{
    private readonly SemaphoreSlim timers = new(0);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        timers.Release();
        return timer;
    }

    public async Task ForwardAsync(TimeSpan step)
    {
        await timers.WaitAsync(TestContext.Current.CancellationToken);
        Advance(step);
    }

    public void Dispose() => timers.Dispose();
}
