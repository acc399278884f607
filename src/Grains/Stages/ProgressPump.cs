using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Reports a stage's progress to the run grain once a second, and gets intent and operations back. Where the run grain does not answer, the
/// documents are read instead: a pause reaches the trainer either way.
/// </summary>
internal sealed partial class ProgressPump(
    IGrainFactory grains,
    IObjectStore store,
    SlotSensors sensors,
    StoreTroubles troubles,
    TimeProvider time,
    ILogger<ProgressPump> log
)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    // A hint for the next owner after a loss; on a storage account it costs money, so it is written less often.
    private static readonly TimeSpan StoreEvery = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Task, bool> underWay = [];

    public void Start(StageRunner runner)
    {
        var pump = Task.Run(() => RunAsync(runner));
        underWay[pump] = true;
        _ = pump.ContinueWith(ended => underWay.TryRemove(ended, out _), TaskScheduler.Default);
    }

    /// <summary>Waits for the last reports of runners that have ended, for so long at most: a silo that stops leaves its cluster after
    /// this, and without the report the other silos find a released stage only at their next look.</summary>
    public async Task SettleAsync(TimeSpan atMost) =>
        await Task.WhenAll(underWay.Keys).WaitAsync(atMost, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task RunAsync(StageRunner runner)
    {
        long? storedAt = null;
        var firstStepTold = false;
        using var timer = new PeriodicTimer(Every, time);
        var tick = timer.WaitForNextTickAsync().AsTask();
        while (!runner.LetGo.IsCompleted)
        {
            // The first step is reported at once: it ends a recovery.
            var news = !firstStepTold && runner.FirstStep.IsCompleted;
            firstStepTold |= news;
            var keep = news || storedAt is not { } at || time.GetElapsedTime(at) >= StoreEvery;
            await TellAsync(runner, keep);
            storedAt = keep ? time.GetTimestamp() : storedAt;
            await Task.WhenAny(firstStepTold ? [tick, runner.LetGo] : [tick, runner.LetGo, runner.FirstStep]);
            if (tick.IsCompleted)
            {
                tick = timer.WaitForNextTickAsync().AsTask();
            }
        }

        // The last report, without which the run grain would show the stage as training; other silos wait for it. A fenced owner sends
        // none: another owner has the stage.
        if (await runner.LetGo || await runner.Completion != StopReason.Fenced)
        {
            await TellAsync(runner, keep: true, hasEnded: true);
        }
    }

    /// <summary>Does not throw: a failed report must not stop a training.</summary>
    private async Task TellAsync(StageRunner runner, bool keep, bool hasEnded = false)
    {
        try
        {
            var progress = runner.Progress with
            {
                Devices = sensors.Use(runner.Held.Used),
                StoreTroubles = troubles.Now is { Count: > 0 } now ? now : null,
                HasEnded = hasEnded,
            };
            await ObeyAsync(runner, await ReportAsync(runner, progress));
            if (keep)
            {
                await new RunDocuments(store, runner.Run).WriteProgressAsync(runner.Stage, progress);
            }
        }
        catch (Exception e)
        {
            LogNotTold(log, runner.Name, e);
        }
    }

    private async Task<OwnerOrders> ReportAsync(StageRunner runner, StageProgress progress)
    {
        try
        {
            return await grains.GetGrain<IRunGrain>(runner.Run).Report(progress);
        }
        catch (Exception e)
        {
            // Also where only that silo does not reach the store.
            LogRunGrainSilent(log, runner.Name, e.Message);
            var documents = new RunDocuments(store, runner.Run);
            var root = await documents.TryReadRootAsync(runner.Stage);
            return new OwnerOrders(
                await documents.ReadIntentAsync(),
                root?.EpochToken ?? 0,
                (await documents.TryReadSpecAsync())?.Operations
            );
        }
    }

    private async Task ObeyAsync(StageRunner runner, OwnerOrders orders)
    {
        if (orders.Operations is { } operations)
        {
            runner.Operations.Now = operations;
        }

        var own = runner.Progress.EpochToken;
        if (orders.EpochToken > own)
        {
            // Only the root fences an owner, never a report.
            if ((await new RunDocuments(store, runner.Run).TryReadRootAsync(runner.Stage))?.EpochToken > own)
            {
                // Long before its next commit would be fenced: the slots become free for other work.
                runner.Stop(StopReason.Fenced);
                return;
            }

            LogNotBelieved(log, runner.Name, orders.EpochToken, own);
        }

        if (orders.Intent.Of(runner.Stage.ToString()) != DesiredState.Running)
        {
            runner.Stop(StopReason.Held);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "The run grain of {Stage} did not answer ({Reason}); the intent is read from the store."
    )]
    private static partial void LogRunGrainSilent(ILogger logger, string stage, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Stage} was reported with epoch token {Told}, which its root does not have; its owner of token {Own} goes on."
    )]
    private static partial void LogNotBelieved(ILogger logger, string stage, long told, long own);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The progress of {Stage} could not be told.")]
    private static partial void LogNotTold(ILogger logger, string stage, Exception exception);
}
