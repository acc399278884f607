using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Grains.Slots;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Takes checkpoints during training: the trainer thread waits for the memory copy only, and with a device only for the part of it that is
/// not done when the next update comes; hashing, upload and commit run in the background. At most one is under way, so one buffer is enough
/// and a slow store stretches the interval instead of eating memory.
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
    private Task<Exception?> behind = Task.FromResult<Exception?>(null);
    private int captured = -1;

    // Of the last capture. The wait for a copy ends before its commit does, which reads it.
    private TimeSpan stall;

    public CheckpointPipeline(StageWork work, StageOwnership own, StageTraining training, StopRequest stop, TimeProvider time, ILogger log)
    {
        (this.work, this.own, this.training, this.stop, this.time, this.log) = (work, own, training, stop, time, log);
        clock = new CheckpointClock(work.Operations, time, own.Pace);
        clock.SeenBetweenLosses = CheckpointPacing.SeenBetweenLosses(work.Root);
        buffer = training.NewBuffer();
        clock.Start(training.Step);
    }

    /// <summary>Called on the trainer thread after each step: captures if a checkpoint is due and none is under way.</summary>
    /// <exception cref="InvalidOperationException">A commit failed for a reason that waiting does not cure.</exception>
    public void AfterStep()
    {
        if (behind.IsCompleted && stop.Reason != StopReason.Fenced && training.Step < training.Steps && clock.Due(training.Step))
        {
            ThrowIfBroken();
            var copied = BeginCapture();
            behind = Task.Run(() => UploadAsync(captured, copied));
        }
    }

    /// <summary>Whether nothing is being written, and something may be.</summary>
    public bool IsIdle => behind.IsCompleted && !stop.Token.IsCancellationRequested;

    /// <summary>Has something else written to the root behind the training, where this <see cref="IsIdle"/>: the root has one writer at a
    /// time. A store that is away is waited for; a stop ends it.</summary>
    public void Write(Func<CancellationToken, Task> write)
    {
        ThrowIfBroken();
        behind = Task.Run(() => WriteAsync(write));
    }

    /// <summary>
    /// A stop before the end: commits the last completed step, unless another owner has taken over or the machine goes away before that
    /// could end, and releases the stage.
    /// </summary>
    public StopReason Leave(StopReason reason)
    {
        using var leaving = work.Telemetry.Leaving(reason);
        own.Ledger.Turn(Account.Stall);
        behind.GetAwaiter().GetResult();
        if (stop.Reason == StopReason.Fenced)
        {
            return StopReason.Fenced;
        }

        var last = training.Step > own.DurableStep ? UploadLast() : null;
        return own.LeaveAsync(reason, training.Step, last).GetAwaiter().GetResult();
    }

    /// <summary>
    /// After the last step: chooses the weights, and commits final state and snapshot in one write of the root. A store that is away is
    /// waited for; a stop meanwhile keeps the last step.
    /// </summary>
    public StopReason Finish()
    {
        own.Ledger.Turn(Account.Stall);
        behind.GetAwaiter().GetResult();
        ThrowIfBroken();
        if (stop.Reason == StopReason.Fenced)
        {
            return StopReason.Fenced;
        }

        // Before the choice, which may evaluate the last weights and store the result in the state.
        CaptureLast();
        try
        {
            own.Ledger.Turn(Account.Training);
            var weights = training.Snapshot(stop.Token);
            own.Ledger.Turn(Account.Stall);
            return StoreRetry.Patiently.Execute(
                token => own.FinishAsync(training.Step, buffer.Tensors, weights, token).GetAwaiter().GetResult(),
                stop.Token
            );
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return Leave(stop.Reason ?? StopReason.Requested);
        }
    }

    public void Dispose()
    {
        // An upload still reads the buffer.
        behind.GetAwaiter().GetResult();
        buffer.Dispose();
    }

    /// <summary>What the trainer thread waits for now and, beside a device, before its next update is the stall.</summary>
    /// <returns>Ends when the state is copied.</returns>
    private Task BeginCapture()
    {
        var (from, at) = (time.GetTimestamp(), time.GetUtcNow());
        own.Ledger.Turn(Account.Stall);
        own.Ledger.Captured();
        var copied = training.BeginCapture(buffer, WaitForCopy);
        captured = training.Step;
        clock.Captured(captured);
        CrashPoint.Reached(CrashPoint.Capture);
        stall = time.GetElapsedTime(from);
        work.Telemetry.Captured(at, stall);
        own.Ledger.Turn(Account.Training);
        return copied;
    }

    /// <summary>On the trainer thread: the next update has come before the copy was done.</summary>
    private void WaitForCopy(Task copied)
    {
        var from = time.GetTimestamp();
        own.Ledger.Turn(Account.Stall);
        copied.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Wait();
        stall += time.GetElapsedTime(from);
        own.Ledger.Turn(Account.Training);
    }

    /// <summary>Makes the last step durable, for the release to commit.</summary>
    /// <returns>Null where there is no time for it, or the store does not take it.</returns>
    private CheckpointRef? UploadLast()
    {
        if (!stop.LeavesTimeFor(clock.Took))
        {
            LogNoTime(log, work.Name, training.Step, own.DurableStep);
            return null;
        }

        try
        {
            CaptureLast();
            own.Ledger.Turn(Account.Stall);
            // An upload may take all the time there is: Late ends it.
            var patience = stop.HasDeadline ? StoreRetry.Patiently : own.Stopping;
            using var span = work.Telemetry.Checkpoint(training.Step);
            return patience.Execute(token => own.UploadAsync(training.Step, buffer.Tensors, token).GetAwaiter().GetResult(), stop.Late);
        }
        catch (OperationCanceledException) when (stop.Late.IsCancellationRequested)
        {
            LogGivenUp(log, work.Name, training.Step, own.DurableStep);
            return null;
        }
        catch (Exception e) when (StoreRetry.MayPass(e))
        {
            // The stage is released all the same, for the reason that it is left for.
            work.Telemetry.NotStored();
            LogNotCommitted(log, work.Name, training.Step, e);
            return null;
        }
    }

    private void CaptureLast()
    {
        if (captured != training.Step)
        {
            BeginCapture().GetAwaiter().GetResult();
        }
    }

    private void ThrowIfBroken()
    {
        if (behind.Result is { } broken)
        {
            throw new InvalidOperationException($"The commit of step {captured} failed: {broken.Message}", broken);
        }
    }

    /// <returns>A failure that waiting does not cure; null where it was written, or this owner stops.</returns>
    private async Task<Exception?> WriteAsync(Func<CancellationToken, Task> write)
    {
        try
        {
            await StoreRetry.Patiently.ExecuteAsync(async token => await write(token), stop.Token);
            return null;
        }
        catch (FencedException e)
        {
            LogFenced(log, work.Name, e.Message);
            stop.Stop(StopReason.Fenced);
            return null;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    /// <returns>A failure that waiting does not cure; null where the commit succeeded, or may succeed next time.</returns>
    private async Task<Exception?> UploadAsync(int step, Task copied)
    {
        var from = time.GetTimestamp();
        try
        {
            await copied;
            await own.CommitAsync(step, buffer.Tensors, stop.Late);
            // An owner that is told to stop leaves that to the next one, which waits.
            await own.SweepAsync(stop.Token);
            var took = time.GetElapsedTime(from);
            clock.Committed(stall, took);
            own.Pace = clock.Pace;
            LogCommitted(log, work.Name, step, buffer.LengthBytes / 1e6, took.TotalMilliseconds, clock.Interval.TotalSeconds);
            return null;
        }
        catch (FencedException e)
        {
            LogFenced(log, work.Name, e.Message);
            stop.Stop(StopReason.Fenced);
            return null;
        }
        catch (OperationCanceledException) when (stop.Late.IsCancellationRequested)
        {
            LogGivenUp(log, work.Name, step, own.DurableStep);
            return null;
        }
        catch (Exception e) when (StoreRetry.MayPass(e))
        {
            work.Telemetry.NotStored();
            // Training goes on: the checkpoint before is still good, and the next one is tried an interval later.
            LogNotCommitted(log, work.Name, step, e);
            await own.TellAsync(
                EventKind.CheckpointFailed,
                $"The checkpoint of step {step} could not be stored: {e.Message} Training goes on; "
                    + $"step {own.DurableStep} stays the durable one."
            );
            return null;
        }
        catch (Exception e)
        {
            LogNotCommitted(log, work.Name, step, e);
            return e;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Stage} committed step {Step}: {Megabytes:F1} MB in {Milliseconds:F0} ms behind the training; "
            + "the next one in about {Seconds:F0} s."
    )]
    private static partial void LogCommitted(ILogger logger, string stage, int step, double megabytes, double milliseconds, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} has another owner now: {Reason}")]
    private static partial void LogFenced(ILogger logger, string stage, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Stage} has no time to commit step {Step} before the machine ends; step {DurableStep} is the durable one."
    )]
    private static partial void LogNoTime(ILogger logger, string stage, int step, int durableStep);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Stage} gave up the checkpoint of step {Step}: the machine ends soon; step {DurableStep} is the durable one."
    )]
    private static partial void LogGivenUp(ILogger logger, string stage, int step, int durableStep);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} could not store the checkpoint of step {Step}.")]
    private static partial void LogNotCommitted(ILogger logger, string stage, int step, Exception exception);
}
