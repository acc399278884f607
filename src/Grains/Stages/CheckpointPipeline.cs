using Microsoft.Extensions.Logging;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Takes checkpoints on the fly: the trainer thread waits for the memory copy only; hashing, upload and commit run behind it. At most
/// one is under way, so one buffer is enough and a slow store stretches the interval instead of eating memory.
/// </summary>
internal sealed partial class CheckpointPipeline : IDisposable
{
    private readonly StageWork work;
    private readonly StageOwnership own;
    private readonly StageTraining training;
    private readonly StopRequest stop;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly CheckpointClock clock;
    private readonly StateBuffer buffer;
    private Task behind = Task.CompletedTask;

    public CheckpointPipeline(StageWork work, StageOwnership own, StageTraining training, StopRequest stop, TimeProvider time, ILogger log)
    {
        (this.work, this.own, this.training, this.stop, this.time, this.log) = (work, own, training, stop, time, log);
        clock = new CheckpointClock(work.Spec.Operations, time);
        if (work.Root.Preemptions > 0)
        {
            var seen = TimeSpan.FromSeconds(work.Root.Ledger.TrainingSeconds / work.Root.Preemptions);
            clock.MeanTimeBetweenLosses = seen < clock.MeanTimeBetweenLosses ? seen : clock.MeanTimeBetweenLosses;
        }

        buffer = new StateBuffer(training.StateLayout);
        clock.Start(training.Step);
    }

    /// <summary>Called on the trainer thread after each step: captures if a checkpoint is due and none is under way.</summary>
    public void AfterStep()
    {
        if (behind.IsCompleted && training.Step < training.Steps && clock.Due(training.Step))
        {
            var stall = Capture();
            var step = training.Step;
            behind = Task.Run(() => UploadAsync(step, stall));
        }
    }

    /// <summary>A stop before the last step: commits the last completed step unless another owner has taken over, and releases the stage.</summary>
    public StopReason Leave(StopReason reason)
    {
        behind.GetAwaiter().GetResult();
        if (stop.Reason == StopReason.Fenced)
        {
            return StopReason.Fenced;
        }

        if (training.Step > own.DurableStep)
        {
            Capture();
            own.CommitAsync(training.Step, buffer.Tensors, CancellationToken.None).GetAwaiter().GetResult();
        }

        return own.LeaveAsync(reason).GetAwaiter().GetResult();
    }

    /// <summary>After the last step: commits final state and snapshot in one write of the root.</summary>
    public StopReason Finish()
    {
        behind.GetAwaiter().GetResult();
        if (stop.Reason == StopReason.Fenced)
        {
            return StopReason.Fenced;
        }

        Capture();
        return own.FinishAsync(training.Step, buffer.Tensors, training.Snapshot(), stop.Token).GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        // An upload still reads the buffer.
        behind.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        buffer.Dispose();
    }

    private TimeSpan Capture()
    {
        var from = time.GetTimestamp();
        training.Capture(buffer);
        clock.Captured(training.Step);
        CrashPoint.Reached(CrashPoint.Capture);
        var stall = time.GetElapsedTime(from);
        own.Ledger.Stalled(stall);
        return stall;
    }

    private async Task UploadAsync(int step, TimeSpan stall)
    {
        var from = time.GetTimestamp();
        try
        {
            await own.CommitAsync(step, buffer.Tensors, CancellationToken.None);
            var took = time.GetElapsedTime(from);
            clock.Committed(stall, took);
            LogCommitted(log, work.Name, step, buffer.LengthBytes / 1e6, took.TotalMilliseconds, clock.Interval.TotalSeconds);
        }
        catch (FencedException e)
        {
            LogFenced(log, work.Name, e.Message);
            stop.Stop(StopReason.Fenced);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            // Training goes on: the checkpoint before is still good, and the next one is tried an interval later.
            LogNotCommitted(log, work.Name, step, e);
            await own.TellAsync("checkpoint-failed", $"The checkpoint of step {step} could not be stored: {e.Message} Training goes on; step {own.DurableStep} stays the durable one.");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} committed step {Step}: {Megabytes:F1} MB in {Milliseconds:F0} ms behind the training; the next one in about {Seconds:F0} s.")]
    private static partial void LogCommitted(ILogger logger, string stage, int step, double megabytes, double milliseconds, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} has another owner now: {Reason}")]
    private static partial void LogFenced(ILogger logger, string stage, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} could not store the checkpoint of step {Step}.")]
    private static partial void LogNotCommitted(ILogger logger, string stage, int step, Exception exception);
}
