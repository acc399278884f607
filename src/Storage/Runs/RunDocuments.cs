using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Storage.Runs;

/// <summary>One run's small documents. Reading one that is damaged is an <see cref="InvalidDataException"/> that names the object.</summary>
public sealed class RunDocuments(IObjectStore store, string run)
{
    public string Run => run;

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
        var changed = store.TryReadJsonAsync<Operations>(RunPaths.Operations(run), cancellationToken);
        var name = RunPaths.Spec(run);
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        var operations = await changed.ConfigureAwait(false);
        if (found is null)
        {
            return null;
        }

        var spec = SealedJson.Deserialize<RunSpec>(name, found.Content.Span);
        return (spec with { Operations = operations ?? spec.Operations }, found.ModifiedAt);
    }

    /// <summary>The spec as it was submitted; null where there is no such run.</summary>
    public Task<RunSpec?> TryReadSubmittedSpecAsync(CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<RunSpec>(RunPaths.Spec(run), cancellationToken);

    /// <summary>Creates the run; false where one of that name exists.</summary>
    public Task<bool> TryCreateSpecAsync(RunSpec spec, CancellationToken cancellationToken = default) =>
        store.TryCreateJsonAsync(RunPaths.Spec(run), spec, cancellationToken);

    /// <summary>
    /// Changes what does not change the bytes, in a document of its own: the spec stays as it was submitted.
    /// <paramref name="change"/> is called again when another change came first.
    /// </summary>
    /// <param name="submitted">The spec's own operations, which hold until the first change.</param>
    public async Task<Operations> ChangeOperationsAsync(Operations submitted, Func<Operations, Operations> change, CancellationToken cancellationToken = default) =>
        (await store.ChangeJsonAsync<Operations>(RunPaths.Operations(run), now => change(now ?? submitted), cancellationToken).ConfigureAwait(false))!;

    /// <summary>The intent; the default one where none was written.</summary>
    public async Task<RunIntent> ReadIntentAsync(CancellationToken cancellationToken = default) =>
        await store.TryReadJsonAsync<RunIntent>(RunPaths.Intent(run), cancellationToken).ConfigureAwait(false) ?? new RunIntent();

    /// <summary>Changes the intent; <paramref name="change"/> is called again when another change came first.</summary>
    public async Task<RunIntent> ChangeIntentAsync(Func<RunIntent, RunIntent> change, CancellationToken cancellationToken = default) =>
        (await store.ChangeJsonAsync<RunIntent>(RunPaths.Intent(run), intent => change(intent ?? new RunIntent()), cancellationToken).ConfigureAwait(false))!;

    /// <summary>What could not be scored or averaged; nothing where none was written.</summary>
    public async Task<JudgingFailures> ReadJudgingAsync(CancellationToken cancellationToken = default) =>
        await store.TryReadJsonAsync<JudgingFailures>(RunPaths.Judging(run), cancellationToken).ConfigureAwait(false) ?? new JudgingFailures();

    /// <summary>Counts a failed try of scoring or averaging; <paramref name="change"/> is called again when another change came first.</summary>
    public async Task<JudgingFailures> ChangeJudgingAsync(Func<JudgingFailures, JudgingFailures> change, CancellationToken cancellationToken = default) =>
        (await store.ChangeJsonAsync<JudgingFailures>(RunPaths.Judging(run), now => change(now ?? new JudgingFailures()), cancellationToken).ConfigureAwait(false))!;

    /// <summary>The stage's root as a document of the store, for one owner's use.</summary>
    public IRootDocument Root(StageId stage) => new StoreRootDocument(store, RunPaths.Root(run, stage));

    /// <summary>The stage's root; null where it was never taken.</summary>
    public Task<StageRoot?> TryReadRootAsync(StageId stage, CancellationToken cancellationToken = default) =>
        store.TryReadJsonAsync<StageRoot>(RunPaths.Root(run, stage), cancellationToken);

    /// <summary>How far the stage's owner last said it was; null where none did, or where it cannot be read: it is only a hint.</summary>
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
}
