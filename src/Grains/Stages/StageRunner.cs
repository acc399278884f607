using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Trains one taken stage to its end, or to a stop: restore, steps, checkpoints, finish, release. Uses engine and store but not Orleans, so
/// that tests run the same code without a cluster. Training happens on a thread of its own.
/// </summary>
internal sealed partial class StageRunner
{
    private readonly StageWork work;
    private readonly StageOwnership own;
    private readonly StageInputsLoader inputs;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly StopRequest stop;
    private readonly TaskCompletionSource<StopReason> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource firstStep = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile StageProgress progress;

    public StageRunner(StageWork work, StageOwnership own, StageInputsLoader inputs, TimeProvider time, ILogger log)
    {
        this.work = work;
        this.own = own;
        this.inputs = inputs;
        this.time = time;
        this.log = log;
        stop = new StopRequest(time);
        Held = new HeldSlots(work.Slots);
        own.LetGo = () => letGo.TrySetResult(true);
        progress = new StageProgress
        {
            Stage = work.Plan.Id.ToString(),
            EpochToken = work.Root.EpochToken,
            Activity = StageActivity.Restoring,
            Step = work.Root.DurableStep,
            Steps = work.Root.Steps,
            At = time.GetUtcNow(),
        };
    }

    public string Name => work.Name;

    public string Run => work.Run;

    public StageId Stage => work.Plan.Id;

    /// <summary>Why the runner ended; never faults.</summary>
    public Task<StopReason> Completion => completion.Task;

    /// <summary>Ends, with true, as soon as others may go on with the stage, while events are still written; with false where the runner
    /// ends otherwise. Not later than <see cref="Completion"/>.</summary>
    public Task<bool> LetGo => letGo.Task;

    public StageProgress Progress => progress with { Ledger = own.Ledger.Current, RootRevision = own.RootRevision };

    /// <summary>The slots that it trains on, which may change.</summary>
    public HeldSlots Held { get; }

    /// <summary>Ends when this take has done a step; never where it ends before.</summary>
    public Task FirstStep => firstStep.Task;

    public LiveOperations Operations => work.Operations;

    public bool IsStarted { get; private set; }

    /// <summary>The last step that this take has completed; 0 before its first, whatever is durable.</summary>
    private int Completed => firstStep.Task.IsCompleted ? progress.Step : 0;

    public void Start()
    {
        IsStarted = true;
        work.Telemetry.Begin(new StageView(() => progress, () => own.DurableStep, () => own.Pace, work.Root.Owner!.Since, time));
        _ = Task.Run(RunAsync);
    }

    /// <summary>Asks for a stop at the next micro-batch; <see cref="Completion"/> ends when what could be committed is.</summary>
    /// <param name="deadline">When the machine ends: the stage is released before, with a last checkpoint if that fits. Null: no
    /// deadline.</param>
    public void Stop(StopReason reason, DateTimeOffset? deadline = null)
    {
        work.Telemetry.StopAsked();
        stop.Stop(reason, deadline);
    }

    private async Task RunAsync()
    {
        var reason = StopReason.Faulted;
        try
        {
            reason = await GuardedAsync();
        }
        catch (Exception e)
        {
            // The end could not be written either: the owner counts as lost once its silo does, and the stage is taken again.
            LogFaulted(log, work.Name, e);
        }
        finally
        {
            LogEnded(log, work.Name, reason, progress.Step, progress.Steps);
            own.Ledger.End();
            work.Telemetry.Ended(reason);
            letGo.TrySetResult(false);
            await own.SettleAsync();
            completion.TrySetResult(reason);
        }
    }

    private async Task<StopReason> GuardedAsync()
    {
        try
        {
            return await TrainToEndAsync();
        }
        catch (FencedException e)
        {
            LogFenced(log, work.Name, e.Message);
            return StopReason.Fenced;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return await own.LeaveAsync(stop.Reason ?? StopReason.Requested, Completed);
        }
        catch (DamagedInputException e)
        {
            LogDamagedInput(log, work.Name, e.Message);
            return await own.RefuseAsync(e.Message, Completed);
        }
        catch (Exception e)
        {
            LogFaulted(log, work.Name, e);
            return await own.FailAsync(e, Completed);
        }
    }

    private async Task<StopReason> TrainToEndAsync()
    {
        if (work.Plan.ImportedSha256 is { } imported)
        {
            return await TakeOverAsync(imported);
        }

        using var loaded = await inputs.LoadAsync(work, stop.Token);
        var state = await own.RestoreAsync(stop.Token);
        // An older one, where the newest checkpoint was damaged: its steps are lost already.
        progress = progress with
        {
            Step = own.DurableStep,
        };
        var reason = StopReason.Faulted;
        try
        {
            await WorkerThread.RunAsync($"train {work.Name}", () => reason = OnTrainerThread(loaded.Inputs, state));
            return reason;
        }
        catch (Exception e) when (loaded.Damage is not null && !own.IsLeaving)
        {
            // Detected before a number was computed from it: all commits so far are right.
            inputs.Suspect(work);
            throw new DamagedInputException(loaded.Damage, e);
        }
    }

    /// <summary>Finishes the stage with imported weights, as if it had trained them.</summary>
    private async Task<StopReason> TakeOverAsync(string sha256)
    {
        var weights = await inputs.ImportedAsync(work, sha256, stop.Token);
        if (WeightsCheck.Problem(work.Plan.Model, work.Plan.Stage.Selection, weights.Select(tensor => tensor.Layout)) is { } problem)
        {
            throw new InvalidDataException($"The imported weights {sha256[..12]} do not fit: {problem}");
        }

        Tell(StageActivity.Finishing, work.Root.Steps, null, null, null);
        return await StoreRetry.Patiently.ExecuteAsync(
            async token => await own.FinishAsync(work.Root.Steps, [], weights, token),
            stop.Token
        );
    }

    private StopReason OnTrainerThread(StageInputs loaded, IReadOnlyList<TensorData>? state)
    {
        var devices = new ComputeDevices(work.Slots);
        using var training = state is null ? StageTraining.Begin(loaded, devices) : StageTraining.Resume(loaded, devices, state);
        using var checkpoints = new CheckpointPipeline(work, own, training, stop, time, log);
        var workers = new WorkerChange(work, own, training, checkpoints, Held, log);
        own.Ledger.Turn(Account.Training);
        CrashPoint.Reached(CrashPoint.Restore);
        LogTraining(log, work.Name, training.Step, training.Steps, string.Join(' ', work.Slots));

        var (rate, steady) = (StepRate.Now(time), StepRate.Steady(time));
        while (training.Step < training.Steps && !stop.Token.IsCancellationRequested)
        {
            var step = training.RunStep(stop.Token);
            if (!step.Completed)
            {
                break;
            }

            if (!step.Finite)
            {
                throw training.Explain(step);
            }

            CrashPoint.Reached(CrashPoint.Step);
            work.Telemetry.Step(own.Ledger.StepDone(), training.TokensPerStep);
            Tell(
                StageActivity.Training,
                training.Step,
                step.LossNats,
                rate.Step(training.TokensPerStep),
                steady.Step(training.TokensPerStep)
            );
            firstStep.TrySetResult();
            // First: where checkpoints follow each other without a gap it would never find the root unwritten.
            workers.AfterStep();
            checkpoints.AfterStep();
        }

        if (training.Step < training.Steps || stop.Reason == StopReason.Fenced)
        {
            return checkpoints.Leave(stop.Reason ?? StopReason.Requested);
        }

        Tell(StageActivity.Finishing, training.Step, progress.TrainLossNats, progress.TokensPerSecond, progress.SteadyTokensPerSecond);
        return checkpoints.Finish();
    }

    private void Tell(StageActivity activity, int step, double? loss, double? rate, double? steady) =>
        progress = progress with
        {
            Activity = activity,
            Step = step,
            TrainLossNats = loss,
            TokensPerSecond = rate,
            SteadyTokensPerSecond = steady,
            FirstStepAt = progress.FirstStepAt ?? (step > work.Root.DurableStep ? time.GetUtcNow() : null),
            At = time.GetUtcNow(),
        };

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} trains from step {Step} of {Steps} on {Slots}.")]
    private static partial void LogTraining(ILogger logger, string stage, int step, int steps, string slots);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} ended: {Reason} at step {Step} of {Steps}.")]
    private static partial void LogEnded(ILogger logger, string stage, StopReason reason, int step, int steps);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} has another owner now and stops without a commit: {Reason}")]
    private static partial void LogFenced(ILogger logger, string stage, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Stage} is given back, something that it trains from is missing or damaged: {Reason}"
    )]
    private static partial void LogDamagedInput(ILogger logger, string stage, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Stage} failed.")]
    private static partial void LogFaulted(ILogger logger, string stage, Exception exception);
}
