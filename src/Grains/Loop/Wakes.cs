using Microsoft.Extensions.Hosting;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>
/// Wakes of this silo's slot loop by run grains. Each waits a moment, since others are woken for the same work, and behind the call: none
/// holds up the silo's grain, or the silo that stops. Safe to use from any thread.
/// </summary>
internal sealed class Wakes(SlotTable slots, LocalWork local, IHostApplicationLifetime lifetime, TimeProvider time)
{
    private int pending;

    /// <param name="among">How many silos are woken for it.</param>
    public void Wake(int among) => _ = WakeAsync(among);

    /// <returns>Ends when the loop was woken. Does not fail.</returns>
    internal Task WakeAsync(int among)
    {
        if (Stops || slots.Free.Count == 0 || Interlocked.Exchange(ref pending, 1) == 1)
        {
            return Task.CompletedTask;
        }

        // Not on the grain's scheduler: its activation may end meanwhile.
        return Task.Run(() => LookAsync(RunWatch.Spread(among)));
    }

    private bool Stops => local.Stops || lifetime.ApplicationStopping.IsCancellationRequested;

    private async Task LookAsync(TimeSpan spread)
    {
        await Task.Delay(spread, time, lifetime.ApplicationStopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Exchange(ref pending, 0);
        if (!Stops)
        {
            slots.Poke(isHint: true);
        }
    }
}
