using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>Ends the slot loop's wait when a silo has gone: what it owned is ready.</summary>
internal sealed class LossWake(RunWatch watch, RunAsking asking, SlotTable slots, TimeProvider time)
{
    /// <summary>Until the returned value is disposed.</summary>
    public IDisposable Begin(CancellationToken stop) => watch.OnSilosGone(() => _ = WakeAsync(stop));

    /// <summary>Only silos with free slots look for the work of the silo that has gone, and not all at the same moment.</summary>
    private async Task WakeAsync(CancellationToken stop)
    {
        asking.SilosGone();
        if (slots.Free.Count > 0)
        {
            await Task.Delay(watch.Spread(), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            slots.Poke();
        }
    }
}
