using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Loop;

/// <summary> Drives all work of a silo: it looks for stages that are ready and have no living owner, snapshots without a score, and members
/// that are not averaged, and offers them free slots. There is no dispatcher: a new silo takes work by itself.
/// </summary>
internal sealed partial class SlotLoop(
    SlotTable slots,
    RunWatch watch,
    RunAsking asking,
    Look look,
    Fingerprints fingerprints,
    LocalWork local,
    IdleClock idle,
    LoopPulse pulse,
    SiloDrain drain,
    LookPace pace,
    TimeProvider time,
    ILogger<SlotLoop> log
) : BackgroundService
{
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // At once, and while an offer may be under way: nothing can begin any more, what runs commits its last step.
        await Task.WhenAll(local.StopAsync(StopReason.Requested, deadline: null, cancellationToken), base.StopAsync(cancellationToken));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Before the first offer: loading libtorch and the canned training take seconds that no grain's turn has.
        await Task.Run(() => slots.All.Select(fingerprints.Of).ToList(), stoppingToken);
        LogServing(log, string.Join(' ', slots.All));
        using var woken = watch.OnSilosGone(() => _ = WakeAsync(stoppingToken));
        while (!stoppingToken.IsCancellationRequested)
        {
            pulse.Beat();
            try
            {
                var (offered, ready) = await look.OnceAsync(stoppingToken);
                if (idle.Looked(ready) is { } idleFor)
                {
                    await LeaveAsync(idleFor);
                    return;
                }

                if (offered)
                {
                    pace.Reset();
                }

                pace.Waited(await slots.WaitAsync(pace.Pause, stoppingToken));
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
            catch (Exception e)
            {
                // The store does not answer, a document is damaged, a grain moves: the next look tries again.
                LogLookFailed(log, e.Message, e);
                await Task.Delay(AfterFailure, CancellationToken.None);
            }
        }
    }

    /// <summary>A silo has gone. Only silos with free slots look for its work, and not all at the same moment.</summary>
    private async Task WakeAsync(CancellationToken stop)
    {
        asking.SilosGone();
        if (slots.Free.Count > 0)
        {
            await Task.Delay(watch.Spread(), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            slots.Poke();
        }
    }

    private Task LeaveAsync(TimeSpan idleFor) =>
        drain.LeaveAsync(
            StopReason.Requested,
            SiloDrain.Idle,
            string.Create(CultureInfo.InvariantCulture, $"nothing was ready for {idleFor.TotalSeconds:F0} s (option --exit-when-idle)."),
            deadline: null
        );

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving with slots {Slots}.")]
    private static partial void LogServing(ILogger logger, string slots);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for work failed and is tried again: {Reason}")]
    private static partial void LogLookFailed(ILogger logger, string reason, Exception exception);
}
