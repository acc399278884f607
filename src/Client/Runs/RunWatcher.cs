using Slowrun.Client.Display;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Runs;

/// <summary>Shows a run until it has ended.</summary>
internal sealed class RunWatcher(StatusReader statuses, RunReader reader, TimeProvider time)
{
    // Owners report once a second; reading twice as often misses no report, and costs a call or a few small reads.
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(400);

    /// <summary>What the run is called besides its name; null: nothing.</summary>
    public string? Called { get; init; }

    /// <param name="alongside">Work beside the watching, for example the supervision of local silos; where it fails, watching fails
    /// too.</param>
    /// <returns>The last status.</returns>
    public async Task<RunStatus> WatchAsync(string run, ProgressView view, CancellationToken stop, Task? alongside = null)
    {
        while (true)
        {
            try
            {
                var status = await statuses.ReadSoonAsync(run, stop) with { GivenName = Called };
                var silos = await reader.SilosAsync(stop);
                view.Show(status, silos.Count == 0 && reader.Starting() ? null : silos);
                if (Readiness.IsOver(status.State))
                {
                    return status;
                }
            }
            catch (IOException e)
            {
                // The silos go on, and wait for the store too.
                view.Say($"The store does not answer, which is tried again: {e.Message}");
            }

            var delay = Task.Delay(Every, time, stop);
            await await Task.WhenAny(delay, alongside ?? delay);
        }
    }
}
