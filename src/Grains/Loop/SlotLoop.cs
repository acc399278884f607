using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Loop;

/// <summary>
/// Drives all work of a silo: it looks for stages that are ready and have no living owner, snapshots without a score, and members that are
/// not averaged, and offers them free slots. There is no dispatcher: a new silo takes work by itself.
/// </summary>
internal sealed partial class SlotLoop(
    SlotTable slots,
    Look look,
    ProgressPump pump,
    Warming warming,
    LookPace pace,
    LossWake losses,
    IdleLeave idle,
    LocalWork local,
    Fingerprints fingerprints,
    LoopPulse pulse,
    ILogger<SlotLoop> log
) : BackgroundService
{
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    // The answer to a last report takes milliseconds; without it the other silos look some seconds later.
    private static readonly TimeSpan ForLastReports = TimeSpan.FromSeconds(1);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // At once, and while an offer may be under way: nothing can begin any more, what runs commits its last step.
        warming.Stop();
        await Task.WhenAll(local.StopAsync(StopReason.Requested, deadline: null, cancellationToken), base.StopAsync(cancellationToken));
        await pump.SettleAsync(ForLastReports);
        // A process that ends while a thread is within libtorch may crash.
        await warming.Done.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Before the first offer: loading libtorch and the canned training take seconds that no grain's turn has.
        await Task.Run(() => slots.All.Select(fingerprints.Of).ToList(), stoppingToken);
        LogServing(log, string.Join(' ', slots.All));
        using var woken = losses.Begin(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            pulse.Beat();
            try
            {
                var (offered, ready) = await look.OnceAsync(stoppingToken);
                if (await idle.LeavesAsync(ready))
                {
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

    [LoggerMessage(Level = LogLevel.Information, Message = "Serving with slots {Slots}.")]
    private static partial void LogServing(ILogger logger, string slots);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for work failed and is tried again: {Reason}")]
    private static partial void LogLookFailed(ILogger logger, string reason, Exception exception);
}
