using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Everything that may happen to a stage's root, as pure functions of it. Write id and time are stamped by <see cref="RootCommit"/>. All
/// but <see cref="Take"/> and <see cref="Recover"/> are for the owner alone, and check that the root still bears its epoch token. Applying
/// one again to its own result changes nothing, since an owner whose answer was lost applies it again.
/// </summary>
public static class StageTransitions
{
    /// <summary>A new owner: raises the epoch token, which fences every older one.</summary>
    /// <exception cref="StageIdentityException">The stage has begun as something else.</exception>
    /// <exception cref="InvalidOperationException">It has finished, or failed without a retry since.</exception>
    public static StageRoot Take(StageRoot? root, TakeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        root ??= new StageRoot();
        if (root.Finished)
        {
            throw new InvalidOperationException(
                $"The stage has finished with snapshot {root.Snapshot!.Sha256}; there is nothing left to train."
            );
        }

        if (root.Failure is { } failure && request.Retry <= failure.Retry)
        {
            throw new InvalidOperationException(
                $"The stage has failed: {failure.Cause} A retry has to be asked for before it is taken again."
            );
        }

        var identity = Agreed(root, request);
        root = root.Owner is { } lost ? root.Preempted(lost.Silo) : root;
        return root with
        {
            EpochToken = root.EpochToken + 1,
            Owner = request.Owner,
            ReleasedFor = null,
            Identity = identity,
            Steps = request.Steps,
            Failure = null,
            FailedTakes = (root.Failure is null ? root.FailedTakes : 0) + (request.Loss == LossVerdict.Crashed ? 1 : 0),
            LostTakes = (root.Failure is null ? root.LostTakes : 0) + (request.Loss == LossVerdict.Unexplained ? 1 : 0),
            LostSteps = root.LostSteps + request.LostSteps,
            Adoptions = root.Adoptions + (root.Identity is not null && identity != root.Identity ? 1 : 0),
            Ledger = request.Ledger,
        };
    }

    /// <summary>A newer checkpoint counts from now on.</summary>
    public static StageRoot Commit(StageRoot root, long epochToken, CheckpointRef checkpoint, StageLedger ledger)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        Owned(root, epochToken);
        if (root.Current is { } current && checkpoint.Step <= current.Step && checkpoint.Manifest != current.Manifest)
        {
            throw new InvalidOperationException(
                $"A checkpoint of step {checkpoint.Step} ('{checkpoint.Manifest}') cannot follow one of step {current.Step} "
                    + $"('{current.Manifest}')."
            );
        }

        var again = root.Current?.Manifest == checkpoint.Manifest;
        return root with
        {
            // The same one again (a commit tried again after its answer was lost) must not push out the one before it.
            Previous = again ? root.Previous : root.Current,
            Current = checkpoint,
            FailedTakes = 0,
            LostTakes = 0,
            Ledger = ledger with { Checkpoints = root.Ledger.Checkpoints + (again ? 0 : 1) },
        };
    }

    /// <summary>The owner trains on other slots of its silo from now on.</summary>
    public static StageRoot UseSlots(StageRoot root, long epochToken, IReadOnlyList<string> slots)
    {
        ArgumentNullException.ThrowIfNull(slots);
        Owned(root, epochToken);
        return root.Owner!.Slots.SequenceEqual(slots) ? root : root with { Owner = root.Owner with { Slots = slots } };
    }

    /// <summary>The newest checkpoint turned out to be damaged: the owner goes on from an older one, or from scratch.</summary>
    /// <param name="restored">One that the root names; null: none was whole.</param>
    public static StageRoot FallBack(StageRoot root, long epochToken, CheckpointRef? restored)
    {
        Owned(root, epochToken);
        return restored is null || restored == root.Current || restored == root.Previous
            // Were a damaged one kept as the previous, the next damage would leave nothing.
            ? root with
            {
                Current = restored,
                Previous = restored == root.Current ? root.Previous : null,
                LostSteps = root.LostSteps + root.DurableStep - (restored?.Step ?? 0),
                Ledger = root.Ledger.Lose(restored?.TrainingSeconds ?? 0),
            }
            : throw new InvalidOperationException(
                $"The root does not name the checkpoint '{restored.Manifest}', so nothing can fall back to it."
            );
    }

    /// <summary>The owner stops and lets another take the stage at once. What is lost with it follows from the root that is changed: the
    /// owner may know an older one, where the answer to its last commit was lost.</summary>
    /// <param name="step">The last step that it has completed; those that no checkpoint of the root has are lost.</param>
    /// <param name="ledger">Up to now, with all that it trained; null: as it was at the last commit.</param>
    /// <param name="last">A newer checkpoint, which counts from now on as by <see cref="Commit"/>, in the same write; null: there is
    /// none.</param>
    public static StageRoot Release(
        StageRoot root,
        long epochToken,
        ReleaseCause cause,
        long step = 0,
        StageLedger? ledger = null,
        CheckpointRef? last = null
    )
    {
        ArgumentNullException.ThrowIfNull(root);
        if (root.Owner is null && root.EpochToken == epochToken)
        {
            return root;
        }

        Owned(root, epochToken);
        root = last is null ? root : Commit(root, epochToken, last, root.Ledger);
        root = cause == ReleaseCause.Evicted ? root.Preempted(root.Owner!.Silo) : root;
        return root with
        {
            Owner = null,
            ReleasedFor = cause,
            FailedTakes = root.FailedTakes + (cause == ReleaseCause.Error ? 1 : 0),
            LostSteps = root.LostSteps + Math.Max(0, step - root.DurableStep),
            Ledger = ledger is null ? root.Ledger : Settled(root, ledger),
        };
    }

    /// <summary>The stage is done: final state and snapshot in one write.</summary>
    public static StageRoot Finish(StageRoot root, long epochToken, CheckpointRef finalState, SnapshotRef snapshot, StageLedger ledger)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(finalState);
        if (root.EpochToken == epochToken && root.Snapshot?.Sha256 == snapshot.Sha256)
        {
            return root;
        }

        return finalState.Step == root.Steps
            ? Commit(root, epochToken, finalState, ledger) with
            {
                Snapshot = snapshot,
                Owner = null,
            }
            : throw new InvalidOperationException($"A stage of {root.Steps} steps cannot finish at step {finalState.Step}.");
    }

    /// <summary>The stage is given up until the user asks for a retry.</summary>
    /// <param name="step">As for <see cref="Release"/>.</param>
    /// <param name="ledger">As for <see cref="Release"/>.</param>
    public static StageRoot Fail(StageRoot root, long epochToken, StageFailure failure, long step = 0, StageLedger? ledger = null)
    {
        ArgumentNullException.ThrowIfNull(root);
        if (root.Owner is null && root.EpochToken == epochToken && root.Failure == failure)
        {
            return root;
        }

        Owned(root, epochToken);
        return root with
        {
            Failure = failure,
            Owner = null,
            LostSteps = root.LostSteps + Math.Max(0, step - root.DurableStep),
            Ledger = ledger is null ? root.Ledger : Settled(root, ledger),
        };
    }

    /// <summary>A root that is not what was last written is put right, or a whole checkpoint counts whose owner was lost before it
    /// did.</summary>
    /// <param name="known">The newest that any copy tells; null: none does.</param>
    /// <param name="identity">Of the checkpoints, where no root tells it.</param>
    /// <param name="newer">Whole checkpoints beyond those of <paramref name="known"/>, the newest first; at most two.</param>
    /// <param name="epochToken">That of <paramref name="known"/>: all else is as its owner left it. A higher one: the owner before is
    /// fenced.</param>
    /// <param name="told">The stage's last progress report, which says how much training led to the checkpoint; null: there is
    /// none.</param>
    public static StageRoot Recover(
        StageRoot? known,
        StageIdentity? identity,
        IReadOnlyList<CheckpointRef> newer,
        long epochToken,
        StageProgress? told = null
    )
    {
        ArgumentNullException.ThrowIfNull(newer);
        var root = known ?? new StageRoot { Identity = identity };
        root = newer is [var first, ..]
            ? Adopted(root, first, newer.ElementAtOrDefault(1), epochToken == root.EpochToken ? told : null)
            : root;
        return epochToken == known?.EpochToken
            ? root
            : root with
            {
                EpochToken = epochToken,
                Owner = null,
                ReleasedFor = root.Finished ? root.ReleasedFor : ReleaseCause.Left,
            };
    }

    /// <summary>A checkpoint counts that its owner did not live to commit. How much training led to it no document says: of what the owner
    /// told, the part that its steps are.</summary>
    private static StageRoot Adopted(StageRoot root, CheckpointRef first, CheckpointRef? second, StageProgress? told)
    {
        var (ledger, gained) = (root.Ledger, first.Step - root.DurableStep);
        var adopted = root with { Current = first, Previous = root.Current ?? second, FailedTakes = 0, LostTakes = 0 };
        if (told?.Ledger is not { } report || !told.IsOf(root) || first.EpochToken != root.EpochToken)
        {
            return adopted with { Current = first with { TrainingSeconds = ledger.TrainingSeconds } };
        }

        var trained = Math.Max(0, report.TrainingSeconds - ledger.TrainingSeconds);
        var kept = trained * gained / (Math.Max(told.Step, first.Step) - root.DurableStep);
        if (root.Owner is not null)
        {
            // It was lost: the next take books what it told.
            return adopted with { Current = first with { TrainingSeconds = ledger.TrainingSeconds + kept } };
        }

        // It is gone by its own word, and has booked them as lost.
        kept = Math.Min(kept, ledger.LostSeconds);
        return adopted with
        {
            Current = first with { TrainingSeconds = ledger.TrainingSeconds + kept },
            // Not more than it booked: it may have told of fewer steps than it had taken.
            LostSteps = root.LostSteps - Math.Min(root.LostSteps, Math.Min(gained, Math.Max(0, told.Step - root.DurableStep))),
            Ledger = ledger with { TrainingSeconds = ledger.TrainingSeconds + kept, LostSeconds = ledger.LostSeconds - kept },
        };
    }

    /// <summary>An owner's ledger at its end: what it trained beyond the checkpoint that counts is lost.</summary>
    private static StageLedger Settled(StageRoot root, StageLedger ledger) =>
        ledger.Lose(root.KeptSeconds) with
        {
            Checkpoints = root.Ledger.Checkpoints,
        };

    private static void Owned(StageRoot root, long epochToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        if (root.EpochToken != epochToken)
        {
            throw new FencedException(
                $"The stage has epoch token {root.EpochToken} now ({root.Owner?.SiloName ?? "released"}), this owner had {epochToken}.",
                epochToken,
                root.EpochToken
            );
        }

        if (root.Owner is null)
        {
            throw new InvalidOperationException(
                $"The stage was released by its owner of epoch token {epochToken}, which cannot change it any more."
            );
        }
    }

    private static StageIdentity Agreed(StageRoot root, TakeRequest request)
    {
        var begun = root.Identity;
        if (begun is null || begun == request.Identity)
        {
            return request.Identity;
        }

        var e = new StageIdentityException(begun, request.Identity);
        return request.Adoptions > root.Adoptions && e.OnlyFingerprint ? request.Identity : throw e;
    }
}
