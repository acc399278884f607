using Polly;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>
/// An owner's writes to its stage, in commit order (parts, manifest, root, then retention), and the events about them. Used by one caller
/// at a time.
/// </summary>
internal sealed class StageOwnership(StageWork work, RootCommit root, IObjectStore store, TimeProvider time)
{
    private readonly CheckpointWriter checkpoints = new(store, time);
    private readonly SnapshotStore snapshots = new(store, work.Run, time);
    private readonly RunEvents events = new(store, work.Run);
    private ResiliencePipeline? stopping;
    private Task told = Task.CompletedTask;
    private Func<Task<StopReason>>? leaving;

    /// <summary>Whether it has begun to let the stage go.</summary>
    public bool IsLeaving => leaving is not null;

    public LedgerClock Ledger { get; } = new(work.Root.Ledger, time, work.Telemetry.Turned);

    /// <summary>Called once the root says that the stage has finished, or that this owner has left it: others may go on with it, while
    /// events and the root's copy are still written.</summary>
    public Action LetGo { get; set; } = () => { };

    /// <summary>For the last writes of this owner, which share one time limit.</summary>
    public ResiliencePipeline Stopping => stopping ??= StoreRetry.WhileStopping(time);

    public int DurableStep => root.Root.DurableStep;

    public long RootRevision => root.Root.Revision;

    /// <summary>What checkpoints cost, for the next commit to store; null: not measured yet.</summary>
    public CheckpointPace? Pace { get; set; } = work.Root.Current?.Pace;

    /// <summary>The newest whole checkpoint, or null for a start from fresh weights; what was damaged becomes events.</summary>
    /// <exception cref="InvalidDataException">There were checkpoints, and none is whole.</exception>
    public async Task<IReadOnlyList<TensorData>?> RestoreAsync(CancellationToken cancellationToken)
    {
        var restored = await new CheckpointReader(store).RestoreAsync(work.Run, work.Plan.Id, root.Root, cancellationToken);
        foreach (var damaged in restored.Damaged)
        {
            await TellAsync(
                EventKind.CheckpointDamaged,
                $"The checkpoint of step {damaged.Checkpoint.Step} is damaged and was left: {damaged.Why}"
            );
        }

        if (restored.Damaged.Count > 0)
        {
            work.Telemetry.FellBack(restored.Damaged.Count, DurableStep - (restored.Checkpoint?.Step ?? 0));
            // Fresh weights give the same bytes in the end, so losing every checkpoint costs time, not the run.
            await root.FallBackAsync(restored.Checkpoint, cancellationToken);
            Ledger.FellBack(restored.Checkpoint?.TrainingSeconds ?? 0);
            await TellAsync(
                EventKind.CheckpointFallback,
                restored.Checkpoint is { } good
                    ? $"It goes on from step {good.Step} instead."
                    : "No checkpoint was whole; the stage starts again from its first step."
            );
        }

        return restored.Checkpoint is null ? null : restored.Tensors;
    }

    /// <summary>Makes a captured state durable, and the checkpoint that counts.</summary>
    /// <exception cref="FencedException">Another owner has taken over; nothing was committed.</exception>
    public async Task CommitAsync(int step, IReadOnlyList<TensorData> state, CancellationToken cancellationToken)
    {
        using var span = work.Telemetry.Checkpoint(step);
        var checkpoint = await UploadAsync(step, state, cancellationToken);
        await CommittingAsync(() => root.CommitAsync(checkpoint, Ledger.AtCapture, cancellationToken));
        CrashPoint.Reached(CrashPoint.Commit);
    }

    /// <summary>Makes a captured state durable. It counts once a root names it: where this owner is lost before, from the next take
    /// on.</summary>
    public async Task<CheckpointRef> UploadAsync(int step, IReadOnlyList<TensorData> state, CancellationToken cancellationToken)
    {
        var checkpoint = await WriteAsync(step, state, cancellationToken);
        CrashPoint.Reached(CrashPoint.Upload);
        return checkpoint;
    }

    /// <summary>Deletes checkpoints that are no longer needed; what is left, the next owner deletes after its first commit.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            // What the copy of the root names is there as long as the copy names it.
            await root.Behind.WaitAsync(cancellationToken);
            await Retention.SweepAsync(
                store,
                new StageSweep(work.Run, work.Plan.Id, root.Root, work.Operations.Now.KeepCheckpoints) { ByOwner = true },
                cancellationToken
            );
        }
        catch (Exception e) when (e is IOException || cancellationToken.IsCancellationRequested)
        {
            // The rest is deleted after the next commit.
        }
    }

    /// <summary>Names other slots of this silo as those that train the stage.</summary>
    /// <exception cref="FencedException">Another owner has taken over.</exception>
    public async Task UseSlotsAsync(IReadOnlyList<string> slots, int step, CancellationToken cancellationToken)
    {
        var before = root.Root.Owner?.Slots ?? [];
        await WritingAsync(() => root.UseSlotsAsync(slots, cancellationToken));
        CrashPoint.Reached(CrashPoint.Slots);
        var (joined, left) = (string.Join(' ', slots.Except(before)), string.Join(' ', before.Except(slots)));
        // The slots that it has left wait for nothing but the root.
        TellBehind(
            TellAsync(
                EventKind.WorkersChanged,
                $"From step {step} on it trains on {string.Join(' ', slots)}: "
                    + (joined.Length > 0 ? $"{joined} had nothing to do." : $"{left} leaves for other work.")
            )
        );
    }

    /// <summary>Events are written behind: nothing waits for them but <see cref="SettleAsync"/>.</summary>
    /// <param name="telling">From <see cref="TellAsync"/>.</param>
    public void TellBehind(Task telling) => told = Task.WhenAll(told, telling);

    /// <summary>Waits for what is still written behind. Does not fail.</summary>
    public async Task SettleAsync() => await Task.WhenAll(told, root.Behind).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Commits final state and snapshot, and releases the stage, in one write of the root.</summary>
    public async Task<StopReason> FinishAsync(
        int step,
        IReadOnlyList<TensorData> state,
        IReadOnlyList<TensorData> weights,
        CancellationToken cancellationToken
    )
    {
        using var span = work.Telemetry.Finishing();
        // An owner told to stop at the very end has kept the last step already.
        var checkpoint = root.Root.Current is { } kept && kept.Step == step ? kept : await WriteAsync(step, state, cancellationToken);
        var snapshot = await snapshots.CreateAsync(weights, cancellationToken);
        CrashPoint.Reached(CrashPoint.Snapshot);
        await CommittingAsync(() => root.FinishAsync(checkpoint, snapshot, Ledger.Current, cancellationToken));
        CrashPoint.Reached(CrashPoint.Finish);
        LetGo();
        await TellFinishedAsync(step);
        await SweepAsync(CancellationToken.None);
        return StopReason.Completed;
    }

    private Task TellFinishedAsync(int step) =>
        TellAsync(EventKind.StageFinished, $"All {step} steps are done; the snapshot is {root.Root.Snapshot!.Sha256[..12]}.");

    /// <summary>Releases the stage, so that another slot may take it at once.</summary>
    /// <param name="step">The last one completed; what is not durable of it is lost.</param>
    /// <param name="last">A checkpoint that the release makes count: one write of the root instead of two. Null: none was made
    /// since.</param>
    public Task<StopReason> LeaveAsync(StopReason reason, int step, CheckpointRef? last = null)
    {
        // Where the store does not let it, the try after the error is this one again: another would forget the checkpoint.
        leaving = () => LeaveAsync(reason, step, last);
        return EndAsync(
            reason,
            async token =>
            {
                using var span = work.Telemetry.Releasing();
                var (cause, why) = reason switch
                {
                    StopReason.Eviction => (ReleaseCause.Evicted, "the machine goes away"),
                    StopReason.Held => (ReleaseCause.Held, "the user paused or cancelled it"),
                    _ => (ReleaseCause.Left, "its silo was asked to stop"),
                };
                var before = root.Root;
                if (last is null)
                {
                    await root.ReleaseAsync(cause, step, Ledger.Current, cancellationToken: token);
                }
                else
                {
                    await CommittingAsync(() => root.ReleaseAsync(cause, step, Ledger.Current, last, token));
                    CrashPoint.Reached(CrashPoint.Commit);
                }

                LetGo();
                if (root.Root.Finished)
                {
                    // This write met a finish of its own whose answer was lost.
                    await TellFinishedAsync(step);
                    return;
                }

                var lost = root.Root.LostSteps - before.LostSteps;
                work.Telemetry.Released(cause, lost);
                await TellAsync(
                    EventKind.StageReleased,
                    $"Its owner left it at step {DurableStep} ({why}{(lost > 0 ? $"; {lost} steps after it are lost" : "")}).",
                    cost: new EventCost(lost, root.Root.Ledger.LostSeconds - before.Ledger.LostSeconds, AwaySeconds: 0)
                );
            }
        );
    }

    /// <summary>
    /// After an error: releases the stage for another try, or fails it when its budget is used up. A failure of the store costs no try: it
    /// passes, and is not the stage's fault. Where this owner was leaving, it leaves.
    /// </summary>
    /// <param name="step">The last one completed.</param>
    public Task<StopReason> FailAsync(Exception error, int step) =>
        StoreRetry.MayPass(error) && leaving is { } again ? again() : FailOnceAsync(error, step);

    private Task<StopReason> FailOnceAsync(Exception error, int step) =>
        EndAsync(
            StopReason.Faulted,
            async token =>
            {
                var cause = OneLine(error.Message);
                var tries = root.Root.FailedTakes + 1;
                var budget = work.Operations.Now.FailureBudget;
                if (error is DivergedException && root.Root.Identity is { IsRepeatable: true })
                {
                    var failure = new StageFailure(cause, RepeatingFailure.Advice, work.Retry, time.GetUtcNow()) { Repeats = true };
                    await root.FailAsync(failure, step, Ledger.Current, token);
                    work.Telemetry.Failed("failed");
                    await TellAsync(EventKind.StageFailed, $"{cause} {failure.Advice}");
                }
                else if (StoreRetry.MayPass(error))
                {
                    // The store's own trouble is no error of the stage.
                    await root.ReleaseAsync(ReleaseCause.Left, step, Ledger.Current, cancellationToken: token);
                    work.Telemetry.Failed("retried");
                    await TellAsync(EventKind.StageError, $"{cause} It is tried again.");
                }
                else if (tries < budget)
                {
                    await root.ReleaseAsync(ReleaseCause.Error, step, Ledger.Current, cancellationToken: token);
                    work.Telemetry.Failed("retried");
                    await TellAsync(EventKind.StageError, $"{cause} It is tried again ({tries} of {budget}).");
                }
                else
                {
                    const string Advice = "Mend the cause, then `slowrun retry` it; chains that do not depend on it go on.";
                    await root.FailAsync(new StageFailure(cause, Advice, work.Retry, time.GetUtcNow()), step, Ledger.Current, token);
                    work.Telemetry.Failed("failed");
                    await TellAsync(
                        EventKind.StageFailed,
                        $"{cause} That was try {tries} of {budget} without a newer checkpoint. {Advice}"
                    );
                }
            }
        );

    /// <summary>
    /// Releases the stage because an input is missing or damaged: not an error of the stage, so it costs no try. It is taken again once the
    /// object is whole.
    /// </summary>
    /// <param name="step">The last one completed.</param>
    public Task<StopReason> RefuseAsync(string damage, int step) =>
        EndAsync(
            StopReason.Faulted,
            async token =>
            {
                await root.ReleaseAsync(ReleaseCause.Left, step, Ledger.Current, cancellationToken: token);
                work.Telemetry.Failed("retried");
                await TellAsync(
                    EventKind.TakeRefused,
                    $"{damage} It was given back at step {DurableStep}, and goes on by itself once the object is whole."
                );
            }
        );

    private async Task<StopReason> EndAsync(StopReason reason, Func<CancellationToken, Task> end)
    {
        if (reason == StopReason.Fenced || root.Root.Finished)
        {
            // A finish whose answer was lost at first has been recognised meanwhile.
            return root.Root.Finished ? StopReason.Completed : reason;
        }

        try
        {
            await Stopping.ExecuteAsync(async token => await end(token), CancellationToken.None);
            return root.Root.Finished ? StopReason.Completed : reason;
        }
        catch (FencedException)
        {
            return StopReason.Fenced;
        }
    }

    /// <summary>Writes an event of this stage. Does not throw: a failed write must not stop a training.</summary>
    /// <param name="silo">The silo that it happened to; null: this owner's.</param>
    public async Task TellAsync(string kind, string message, string? silo = null, EventCost? cost = null)
    {
        try
        {
            await events.AppendAsync(
                new RunEvent(time.GetUtcNow(), kind, work.Plan.Id.ToString(), message)
                {
                    Silo = silo ?? work.Root.Owner?.SiloName,
                    Cost = cost,
                }
            );
        }
        catch (IOException) { }
    }

    /// <summary>libtorch's messages carry a native stack; the silo's log has it.</summary>
    private static string OneLine(string message)
    {
        const int Longest = 300;
        var line = message.Split('\n', 2)[0].Trim();
        return line.Length > Longest ? line[..Longest] + "…" : line;
    }

    private async Task<CheckpointRef> WriteAsync(int step, IReadOnlyList<TensorData> state, CancellationToken cancellationToken)
    {
        using var uploading = work.Telemetry.Uploading();
        var checkpoint = await checkpoints.WriteAsync(
            work.Run,
            work.Plan.Id,
            work.Root.EpochToken,
            step,
            work.Root.Identity!,
            state,
            cancellationToken
        );
        uploading.Done();
        work.Telemetry.Stored(checkpoint.LengthBytes);
        return checkpoint with { TrainingSeconds = Ledger.AtCapture.TrainingSeconds, Pace = Pace };
    }

    private async Task CommittingAsync(Func<Task> commit)
    {
        using var committing = work.Telemetry.Committing();
        await WritingAsync(commit);
        committing.Done();
        Ledger.Committed(root.Root.Ledger.Checkpoints);
        work.Telemetry.Committed();
    }

    private async Task WritingAsync(Func<Task> write)
    {
        var overruled = root.Overruled;
        await write();
        if (root.Overruled is { } what && what != overruled)
        {
            await TellAsync(EventKind.RootRestored, $"{what} Its owner, which lives, has written the newer one again.");
        }
    }
}
