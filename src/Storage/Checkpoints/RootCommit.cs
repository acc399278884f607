using System.Diagnostics;
using System.Globalization;
using System.Text;
using Slowrun.Core;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// The only writer of a stage's root, for one owner: a take, then commits, then a release (and for a recovery, which has no owner). Every
/// write bears a fresh id: after a conflict, which may come from an earlier write of this owner whose answer was lost, the id in the root
/// says who wrote it. Used by one caller at a time.
/// </summary>
public sealed class RootCommit(IRootDocument document, TimeProvider time, Func<string>? newWriteId = null)
{
    // An owner's conflict is settled by one more read, or by one more write for each of its own whose answer was lost.
    private const int MostTries = 5;

    private readonly Func<string> newWriteId = newWriteId ?? (() => Guid.NewGuid().ToString("N"));

    // Ids of writes whose answer was lost: the root may hold one of them.
    private readonly HashSet<string> unanswered = new(StringComparer.Ordinal);

    private StageRoot? root;

    // Once the root has turned out to be another's, the document remembers that root's etag, and a further write of ours would replace it.
    private Exception? lost;
    private long epochToken;

    /// <summary>The root as this owner last knew it.</summary>
    public StageRoot Root => root ?? throw new InvalidOperationException("The stage has not been taken.");

    /// <summary>Ends when what the document does behind the last write is done. Does not fail.</summary>
    public Task Behind => document.Behind;

    /// <summary>What was wrong with the root that this owner last found in place of its own and wrote over; null: it never did.</summary>
    public string? Overruled { get; private set; }

    /// <summary>
    /// Takes the stage without waiting: the higher epoch token fences the owner before. A stage that was taken since the caller found it
    /// without a living owner is left alone.
    /// </summary>
    /// <exception cref="FencedException">Another take came first.</exception>
    /// <exception cref="RootConflictException"> The root was written since it was read, and not by a take: its owner, which is called dead,
    /// has committed or let go. Read again what the take was decided by.
    /// </exception>
    /// <exception cref="StageIdentityException">The stage has begun as something else.</exception>
    public async Task<StageRoot> TakeAsync(TakeRequest request, CancellationToken cancellationToken = default)
    {
        var found = await document.ReadAsync(cancellationToken).ConfigureAwait(false);
        // An earlier try of this object may have taken the stage although its answer was lost.
        var alreadyTaken = found is { Owner: not null } && found.EpochToken > epochToken && unanswered.Contains(found.WriteId);
        if (!alreadyTaken)
        {
            if (request.AfterToken is { } judged && (found?.EpochToken ?? 0) != judged)
            {
                throw Late(found, judged + 1);
            }

            if (request.AfterWriteId is { } seen && (found?.WriteId ?? "") != seen)
            {
                throw Changed(found);
            }

            var taken = Stamped(StageTransitions.Take(found, request));
            found = taken;
            try
            {
                await document.WriteAsync(taken, cancellationToken).ConfigureAwait(false);
            }
            catch (RootConflictException)
            {
                found = await document.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (found?.WriteId != taken.WriteId)
                {
                    throw found?.EpochToken >= taken.EpochToken ? Late(found, taken.EpochToken) : Changed(found);
                }
            }
        }

        epochToken = found!.EpochToken;
        return Settled(found);
    }

    /// <summary>
    /// Goes on as an owner of this process that no object stands for any more: the answer of its take, or its end, was lost. Writes
    /// nothing.
    /// </summary>
    /// <param name="silo">The owner's.</param>
    /// <returns>False where the stage has another owner meanwhile, or none.</returns>
    public async Task<bool> TryResumeAsync(string silo, long token, CancellationToken cancellationToken = default)
    {
        if (
            await document.ReadAsync(cancellationToken).ConfigureAwait(false) is not { } found
            || found.EpochToken != token
            || found.Owner?.Silo != silo
        )
        {
            return false;
        }

        (epochToken, root) = (token, found);
        return true;
    }

    /// <summary>Puts a recovered root in the place of the one that the document was made for. It is not the write of an owner: no other
    /// write of this object can follow it.</summary>
    /// <param name="recovered">From <see cref="StageTransitions.Recover"/>.</param>
    /// <returns>False where another process has written the root since it was found damaged.</returns>
    public async Task<bool> TryRecoverAsync(StageRoot recovered, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(recovered);
        // The next owner of the stage looks for the trace of its last owner.
        var next = Stamped(recovered) with
        {
            TraceParent = recovered.TraceParent ?? Activity.Current?.Id,
        };
        try
        {
            await document.WriteAsync(next, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RootConflictException)
        {
            return (await ReadAsync(cancellationToken).ConfigureAwait(false)).Root?.WriteId == next.WriteId;
        }
    }

    /// <inheritdoc cref="StageTransitions.Commit"/>
    public Task<StageRoot> CommitAsync(CheckpointRef checkpoint, StageLedger ledger, CancellationToken cancellationToken = default) =>
        ApplyAsync(root => StageTransitions.Commit(root, epochToken, checkpoint, ledger), cancellationToken);

    /// <inheritdoc cref="StageTransitions.UseSlots"/>
    public Task<StageRoot> UseSlotsAsync(IReadOnlyList<string> slots, CancellationToken cancellationToken = default) =>
        ApplyAsync(root => StageTransitions.UseSlots(root, epochToken, slots), cancellationToken);

    /// <inheritdoc cref="StageTransitions.FallBack"/>
    public Task<StageRoot> FallBackAsync(CheckpointRef? restored, CancellationToken cancellationToken = default) =>
        ApplyAsync(root => StageTransitions.FallBack(root, epochToken, restored), cancellationToken);

    /// <inheritdoc cref="StageTransitions.Release"/>
    public Task<StageRoot> ReleaseAsync(
        ReleaseCause cause,
        long step = 0,
        StageLedger? ledger = null,
        CheckpointRef? last = null,
        CancellationToken cancellationToken = default
    ) => ApplyAsync(root => StageTransitions.Release(root, epochToken, cause, step, ledger, last), cancellationToken);

    /// <inheritdoc cref="StageTransitions.Finish"/>
    public Task<StageRoot> FinishAsync(
        CheckpointRef finalState,
        SnapshotRef snapshot,
        StageLedger ledger,
        CancellationToken cancellationToken = default
    ) => ApplyAsync(root => StageTransitions.Finish(root, epochToken, finalState, snapshot, ledger), cancellationToken);

    /// <inheritdoc cref="StageTransitions.Fail"/>
    public Task<StageRoot> FailAsync(
        StageFailure failure,
        long step = 0,
        StageLedger? ledger = null,
        CancellationToken cancellationToken = default
    ) => ApplyAsync(root => StageTransitions.Fail(root, epochToken, failure, step, ledger), cancellationToken);

    private async Task<StageRoot> ApplyAsync(Func<StageRoot, StageRoot> transition, CancellationToken cancellationToken)
    {
        if (lost is not null)
        {
            throw lost;
        }

        for (var tries = 1; ; tries++)
        {
            var changed = transition(Root);
            if (ReferenceEquals(changed, Root))
            {
                // An earlier try had done it already.
                return Settled(Root);
            }

            var next = Stamped(changed);
            try
            {
                await document.WriteAsync(next, cancellationToken).ConfigureAwait(false);
                return Settled(next);
            }
            catch (RootConflictException)
            {
                var (found, damage) = await ReadAsync(cancellationToken).ConfigureAwait(false);
                if (found is not null && found.WriteId == next.WriteId)
                {
                    return Settled(found);
                }

                if (found is not null && found.EpochToken > epochToken)
                {
                    throw lost = new FencedException(
                        $"{found.Owner?.SiloName ?? "Another silo"} took the stage with epoch token {found.EpochToken}; "
                            + $"this owner had {epochToken}.",
                        epochToken,
                        found.EpochToken
                    );
                }

                // An earlier write of ours took effect although its answer was lost (or none did): go on from there.
                var ours = found is not null && (unanswered.Contains(found.WriteId) || found.WriteId == Root.WriteId);
                if (tries >= MostTries || !(ours || IsPutBack(found)))
                {
                    throw lost = Foreign(found, next);
                }

                // Tokens never fall: what is there is older than this owner's own last write, or damaged, and is written over.
                Overruled = ours ? Overruled : damage ?? Older(found);
                root = ours ? found : root;
            }
        }
    }

    private async Task<(StageRoot? Root, string? Damage)> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await document.ReadAsync(cancellationToken).ConfigureAwait(false), null);
        }
        catch (InvalidDataException e) when (NewerDocument.IsRefusal(e))
        {
            throw lost = new FencedException(e.Message, epochToken, 0);
        }
        catch (InvalidDataException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>Whether the root is gone, damaged, or one that was replaced before this owner's last write.</summary>
    private bool IsPutBack(StageRoot? found) =>
        found is null
        || found.EpochToken < epochToken
        || (found.EpochToken == epochToken && found.Owner?.Silo == Root.Owner?.Silo && found.Revision < Root.Revision);

    private static string Older(StageRoot? found) =>
        found is null
            ? "The root was gone."
            : string.Create(
                CultureInfo.InvariantCulture,
                $"The root had been put back to an older one, of epoch token {found.EpochToken} and step {found.DurableStep}."
            );

    private StageRoot Stamped(StageRoot next)
    {
        var stamped = next with
        {
            WriteId = newWriteId(),
            Revision = next.Revision + 1,
            WrittenAt = time.GetUtcNow(),
            TraceParent = Activity.Current?.Id,
        };
        unanswered.Add(stamped.WriteId);
        return stamped;
    }

    private StageRoot Settled(StageRoot written)
    {
        // Whatever else was sent was conditional on something older: it cannot take effect any more.
        unanswered.Clear();
        return root = written;
    }

    private static FencedException Late(StageRoot? found, long wanted) =>
        new(
            $"{found?.Owner?.SiloName ?? "Another silo"} took the stage first, with epoch token {found?.EpochToken}.",
            wanted,
            found?.EpochToken ?? 0
        );

    private static RootConflictException Changed(StageRoot? found) =>
        new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"The stage's root was written while it was being taken: {What(found)} It is looked at again before it is taken."
            )
        );

    private static string What(StageRoot? found) =>
        found switch
        {
            null => "it is gone.",
            { Finished: true } => "its owner has finished it.",
            { Owner: { } owner } => string.Create(
                CultureInfo.InvariantCulture,
                $"{owner.SiloName}, still its owner with epoch token {found.EpochToken}, has step {found.DurableStep} in it now."
            ),
            _ => string.Create(
                CultureInfo.InvariantCulture,
                $"its owner of epoch token {found.EpochToken} has released it at step {found.DurableStep}."
            ),
        };

    private static InvalidOperationException Foreign(StageRoot? found, StageRoot meant) =>
        new(
            "The stage's root was changed by something that is no take: is it being edited, or was the store restored from a copy? "
                + $"Found: {Text(found)} To be written: {Text(meant)}"
        );

    private static string Text(StageRoot? root) => root is null ? "nothing." : Encoding.UTF8.GetString(CanonicalJson.Serialize(root));
}
