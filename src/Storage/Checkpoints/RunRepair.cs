using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Mends a run's damaged documents: what has a copy is written again from it, what can be computed again is deleted, a root is recovered.
/// Every write is conditional on the damage that was read, so that any number of silos may do it at once. What was mended becomes an event.
/// </summary>
public sealed class RunRepair(IObjectStore store, TimeProvider time)
{
    /// <param name="facts">What is damaged, as read a moment ago.</param>
    /// <param name="isAtWork">Whether an owner trains the stage now: it writes a root again itself. Null: every living one does.</param>
    /// <returns>What was mended, for people; without what another process mended meanwhile.</returns>
    public async Task<IReadOnlyList<string>> MendAsync(
        RunFacts facts,
        Func<StageId, StageOwner, ValueTask<bool>>? isAtWork = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(facts);
        isAtWork ??= (_, owner) => ValueTask.FromResult(facts.AliveSilos.Contains(owner.Silo));
        var mended = new List<string>();
        foreach (var damage in facts.Damage.Where(damage => !damage.IsNewer))
        {
            if (damage.What == DocumentKind.Root && damage.Stage is { } stage)
            {
                var recovery = new RootRecovery(store, facts.Spec.Name, time);
                if (
                    await recovery.LookAsync(stage, cancellationToken).ConfigureAwait(false) is { IsSafe: true } finding
                    && !(finding.Owner is { } owner && await isAtWork(stage, owner).ConfigureAwait(false))
                    && await recovery.TryRecoverAsync(finding, cancellationToken).ConfigureAwait(false)
                )
                {
                    mended.Add($"{stage}: {finding.Story}");
                }
            }
            else if (await TryMendAsync(facts.Spec.Name, damage, cancellationToken).ConfigureAwait(false) is { } done)
            {
                await TellAsync(facts.Spec.Name, EventKind.DocumentMended, damage.Stage?.ToString(), done, cancellationToken)
                    .ConfigureAwait(false);
                mended.Add(done);
            }
        }

        return mended;
    }

    /// <summary>Writes the copies again that are damaged, or that a run of an older store does not have, and notes when it was
    /// submitted.</summary>
    public async Task CopyAsync(string run, CancellationToken cancellationToken = default)
    {
        await store.MendCopiedAsync<RunSpec>(RunPaths.Spec(run), cancellationToken).ConfigureAwait(false);
        await new RunDocuments(store, run).DateSubmissionAsync(cancellationToken).ConfigureAwait(false);
        await store.MendCopiedAsync<RunIntent>(RunPaths.Intent(run), cancellationToken).ConfigureAwait(false);
        await store.MendCopiedAsync<Operations>(RunPaths.Operations(run), cancellationToken).ConfigureAwait(false);
    }

    private async Task<string?> TryMendAsync(string run, DocumentDamage damage, CancellationToken cancellationToken) =>
        damage.What switch
        {
            DocumentKind.Spec => FromCopy(await store.MendCopiedAsync<RunSpec>(damage.Name, cancellationToken).ConfigureAwait(false)),
            DocumentKind.Operations => FromCopy(
                await store.MendCopiedAsync<Operations>(damage.Name, cancellationToken).ConfigureAwait(false)
            ),
            DocumentKind.Intent => FromCopy(await store.MendCopiedAsync<RunIntent>(damage.Name, cancellationToken).ConfigureAwait(false)),
            DocumentKind.Score or DocumentKind.Ensemble => await new RunScores(store, run)
                .TryDropDamagedAsync(damage.Name, cancellationToken)
                .ConfigureAwait(false)
                ? $"{damage.Why} It was deleted, and is computed again."
                : null,
            DocumentKind.Judging => await TryDropJudgingAsync(damage, cancellationToken).ConfigureAwait(false),
            _ => null,
        };

    private async Task<string?> TryDropJudgingAsync(DocumentDamage damage, CancellationToken cancellationToken)
    {
        if (await store.TryReadAsync(damage.Name, cancellationToken).ConfigureAwait(false) is not { } found)
        {
            return null;
        }

        try
        {
            SealedJson.Deserialize<JudgingFailures>(damage.Name, found.Content.Span);
            return null;
        }
        catch (InvalidDataException e) when (NewerDocument.IsRefusal(e))
        {
            return null;
        }
        catch (InvalidDataException)
        {
            return await store.TryDeleteAsync(damage.Name, found.ETag, cancellationToken).ConfigureAwait(false)
                ? $"{damage.Why} It was deleted, and what could not be judged is tried again."
                : null;
        }
    }

    private static string? FromCopy(string? damage) => damage is null ? null : $"{damage} It was written again from its copy.";

    private async Task TellAsync(string run, string kind, string? stage, string message, CancellationToken cancellationToken) =>
        await new RunEvents(store, run).AppendNowAsync(time, kind, stage, message, cancellationToken).ConfigureAwait(false);
}
