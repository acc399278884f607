using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>One run's small documents. Reading one that is damaged is an <see cref="InvalidDataException"/> that names the
/// object.</summary>
public sealed class RunDocuments(IObjectStore store, string run)
{
    public string Run => run;

    internal IObjectStore Store => store;

    /// <summary>Names of the runs in a store, in ordinal order.</summary>
    public static IAsyncEnumerable<string> ListRunsAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.ListFoldersAsync(RunPaths.Runs, cancellationToken);
    }

    /// <summary>The spec, with the operations as they are now; null where there is no such run.</summary>
    public async Task<RunSpec?> TryReadSpecAsync(CancellationToken cancellationToken = default) =>
        (await TryReadDatedSpecAsync(cancellationToken).ConfigureAwait(false))?.Spec;

    /// <summary>As <see cref="TryReadSpecAsync"/>, and when the run was submitted, by the store's clock.</summary>
    public async Task<(RunSpec Spec, DateTimeOffset SubmittedAt)?> TryReadDatedSpecAsync(CancellationToken cancellationToken = default)
    {
        var changed = store.ReadCopiedAsync<Operations>(RunPaths.Operations(run), cancellationToken);
        var read = await store.ReadCopiedAsync<RunSpec>(RunPaths.Spec(run), cancellationToken).ConfigureAwait(false);
        var operations = await changed.ConfigureAwait(false);
        return read switch
        {
            // Damaged, it is refused: a silo or a person puts it back from its copy first. Missing, its copy keeps the name from another
            // recipe.
            { Damage: { } damage, ETag: not null } => throw new InvalidDataException(damage),
            { Value: { } spec } => (
                spec with
                {
                    Operations = operations.Value ?? spec.Operations,
                },
                await TryReadSubmittedAtAsync(cancellationToken).ConfigureAwait(false) ?? read.ModifiedAt!.Value
            ),
            { Damage: { } damage } => throw new InvalidDataException(damage),
            _ => null,
        };
    }

    /// <summary>When the run was submitted; null where that was not written (by an older version), or cannot be read.</summary>
    public async Task<DateTimeOffset?> TryReadSubmittedAtAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return (await store.TryReadJsonAsync<RunSubmission>(RunPaths.Submitted(run), cancellationToken).ConfigureAwait(false))?.At;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>What a reader throws that finds neither the spec of a run that it works for nor its copy: a store may lose them, and get
    /// them back.</summary>
    public InvalidDataException SpecMissing() =>
        new($"'{RunPaths.Spec(run)}' is missing, and so is its copy. Put it back from a copy of the store.");

    /// <summary>Whether the store has a spec of the run, damaged or not, or a stage's root: a deletion leaves neither, but a store that
    /// lost the spec still has the roots.</summary>
    public async Task<bool> HasBegunAsync(CancellationToken cancellationToken = default) =>
        await store.TryReadETagAsync(RunPaths.Spec(run), cancellationToken).ConfigureAwait(false) is not null
        || await store
            .ListNamesAsync(RunPaths.Run(run), cancellationToken)
            .AnyAsync(RunPaths.IsRoot, cancellationToken)
            .ConfigureAwait(false);

    /// <summary>The spec as it was submitted; null where there is no such run.</summary>
    public Task<RunSpec?> TryReadSubmittedSpecAsync(CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<RunSpec>(RunPaths.Spec(run), cancellationToken);

    /// <summary>Creates the run; false where one of that name exists.</summary>
    public async Task<bool> TryCreateSpecAsync(RunSpec spec, CancellationToken cancellationToken = default)
    {
        if (!await store.TryCreateJsonAsync(RunPaths.Spec(run), spec, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        // The spec never changes, so its copy cannot be of another spec. Where the copy is missing, the next silo writes it.
        await store.TryCreateJsonAsync(CopiedJson.CopyOf(RunPaths.Spec(run)), spec, cancellationToken).ConfigureAwait(false);
        await DateSubmissionAsync(cancellationToken).ConfigureAwait(false);
        await OrderBell.RingAsync(store, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Notes when the run was submitted, unless that is noted.</summary>
    internal async Task DateSubmissionAsync(CancellationToken cancellationToken)
    {
        if (await store.TryReadAsync(RunPaths.Spec(run), cancellationToken).ConfigureAwait(false) is { } created)
        {
            // The store says when, whatever this machine's clock does. Without it the spec's own time is taken.
            await store
                .TryCreateJsonAsync(RunPaths.Submitted(run), new RunSubmission(created.ModifiedAt), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Changes what does not change the bytes, in a document of its own: the spec stays as it was submitted.
    /// <paramref name="change"/> is called again when another change came first.
    /// </summary>
    /// <param name="submitted">The spec's own operations, which hold until the first change.</param>
    public async Task<Operations> ChangeOperationsAsync(
        Operations submitted,
        Func<Operations, Operations> change,
        CancellationToken cancellationToken = default
    )
    {
        var (now, replaced) = await store
            .ChangeCopiedAsync<Operations>(RunPaths.Operations(run), old => change(old ?? submitted), lost: null, cancellationToken)
            .ConfigureAwait(false);
        await OrderBell.RingAsync(store, cancellationToken).ConfigureAwait(false);
        await TellReplacedAsync(replaced, "operations", cancellationToken).ConfigureAwait(false);
        return now;
    }

    /// <summary>The intent; the default one where none was written.</summary>
    public async Task<RunIntent> ReadIntentAsync(CancellationToken cancellationToken = default) =>
        await store.TryReadJsonAsync<RunIntent>(RunPaths.Intent(run), cancellationToken).ConfigureAwait(false) ?? new RunIntent();

    /// <summary>
    /// Changes the intent; <paramref name="change"/> is called again when another change came first. A damaged one is replaced: from its
    /// copy, or, without one, from a run that is held.
    /// </summary>
    public async Task<RunIntent> ChangeIntentAsync(Func<RunIntent, RunIntent> change, CancellationToken cancellationToken = default)
    {
        var before = new RunIntent();
        var (now, replaced) = await store
            .ChangeCopiedAsync<RunIntent>(
                RunPaths.Intent(run),
                old => change(before = old ?? new RunIntent()),
                RunIntent.Held,
                cancellationToken
            )
            .ConfigureAwait(false);
        await OrderBell.RingAsync(store, cancellationToken).ConfigureAwait(false);
        await TellReplacedAsync(replaced, "order", cancellationToken).ConfigureAwait(false);
        foreach (var (kind, stage, message) in IntentChange.Between(before, now))
        {
            await TellAsync(kind, stage, message, cancellationToken).ConfigureAwait(false);
        }

        return now;
    }

    /// <summary>What could not be scored or averaged; nothing where none was written.</summary>
    public async Task<JudgingFailures> ReadJudgingAsync(CancellationToken cancellationToken = default) =>
        await store.TryReadJsonAsync<JudgingFailures>(RunPaths.Judging(run), cancellationToken).ConfigureAwait(false)
        ?? new JudgingFailures();

    /// <summary>Counts a failed try of scoring or averaging; <paramref name="change"/> is called again when another change came
    /// first.</summary>
    public async Task<JudgingFailures> ChangeJudgingAsync(
        Func<JudgingFailures, JudgingFailures> change,
        CancellationToken cancellationToken = default
    ) =>
        (
            await store
                .ChangeJsonAsync<JudgingFailures>(RunPaths.Judging(run), now => change(now ?? new JudgingFailures()), cancellationToken)
                .ConfigureAwait(false)
        )!;

    /// <summary>The stage's root; null where it was never taken.</summary>
    public Task<StageRoot?> TryReadRootAsync(StageId stage, CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<StageRoot>(RunPaths.Root(run, stage), cancellationToken);

    /// <summary>The owner's last progress report; null where there is none, or where it cannot be read: it is only a hint.</summary>
    public async Task<StageProgress?> TryReadProgressAsync(StageId stage, CancellationToken cancellationToken = default)
    {
        try
        {
            return await store.TryReadJsonAsync<StageProgress>(RunPaths.Progress(run, stage), cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    public Task WriteProgressAsync(StageId stage, StageProgress progress, CancellationToken cancellationToken = default) =>
        store.WriteAsync(RunPaths.Progress(run, stage), SealedJson.Serialize(RunPaths.Progress(run, stage), progress), cancellationToken);

    private async Task TellReplacedAsync(string? damage, string what, CancellationToken cancellationToken)
    {
        if (damage is not null)
        {
            await TellAsync(
                    EventKind.DocumentReplaced,
                    null,
                    $"The run's {what} could not be read, and a new one replaces it: {damage}",
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
    }

    /// <summary>Does not throw where the store fails: the order holds without the event.</summary>
    private async Task TellAsync(string kind, string? stage, string message, CancellationToken cancellationToken)
    {
        try
        {
            await new RunEvents(store, run)
                .AppendNowAsync(TimeProvider.System, kind, stage, message, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (IOException) { }
    }
}
