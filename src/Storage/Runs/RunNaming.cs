using Slowrun.Core;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>
/// Names that runs are given later. The name that a run was submitted with is part of its objects' names and stays its own for good: where
/// a run has a name of its own that another one was given, which a submission at the same moment may bring about, the own name counts.
/// </summary>
public sealed class RunNaming(IObjectStore store)
{
    /// <summary>The document; it has a copy.</summary>
    public const string Document = "names/given";

    /// <summary>What runs are called; nothing where that cannot be read: each run has its own name still.</summary>
    public async Task<GivenNames> TryReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException)
        {
            return new GivenNames();
        }
    }

    /// <summary>The run that a user means: the one of that name, else the one that is called so.</summary>
    /// <returns>The name itself where there is neither.</returns>
    /// <exception cref="InvalidDataException">There is no run of that name, and what runs are called cannot be read.</exception>
    public async Task<string> ResolveAsync(string name, CancellationToken cancellationToken = default) =>
        RunPaths.IsName(name) && !await HasRunAsync(name, cancellationToken).ConfigureAwait(false)
            ? (await ReadAsync(cancellationToken).ConfigureAwait(false)).Runs.GetValueOrDefault(name) ?? name
            : name;

    /// <summary>What the run is called; null: nothing else than its own name.</summary>
    public async Task<string?> TryNameOfAsync(string run, CancellationToken cancellationToken = default) =>
        (await TryReadAsync(cancellationToken).ConfigureAwait(false)).Of(run) is { } name
        && !await HasRunAsync(name, cancellationToken).ConfigureAwait(false)
            ? name
            : null;

    /// <summary>Calls a run otherwise, or, by its own name, only that again.</summary>
    /// <returns>What it was called before; null: nothing else than its own name.</returns>
    /// <exception cref="InvalidRequestException">Not a name that a run can have.</exception>
    /// <exception cref="NotFoundException">There is no such run.</exception>
    /// <exception cref="NotPossibleException">Another run has the name, or is called so.</exception>
    public async Task<string?> GiveAsync(string run, string name, CancellationToken cancellationToken = default)
    {
        if (name == run)
        {
            return await TakeAwayAsync(run, cancellationToken).ConfigureAwait(false);
        }

        if (!RunNames.IsValid(name))
        {
            throw new InvalidRequestException($"'{name}' cannot name a run; {RunNames.Expected}.");
        }

        await CheckAsync(run, name, cancellationToken).ConfigureAwait(false);
        // The given name of a run that was deleted is free.
        var gone =
            (await TryReadAsync(cancellationToken).ConfigureAwait(false)).Runs.GetValueOrDefault(name) is { } other
            && !await HasObjectsAsync(other, cancellationToken).ConfigureAwait(false)
                ? other
                : null;
        string? before = null;
        await store
            .ChangeCopiedAsync<GivenNames>(
                Document,
                old =>
                {
                    old ??= new GivenNames();
                    before = old.Of(run);
                    return old.Runs.GetValueOrDefault(name) is { } called && called != run && called != gone
                        ? throw new NotPossibleException(
                            $"Run '{called}' of '{store.Address}' is called '{name}'. Give '{run}' another name, or call that one otherwise: 'slowrun rename {called} OTHER'."
                        )
                        : old.With(run, name);
                },
                lost: null,
                cancellationToken
            )
            .ConfigureAwait(false);
        try
        {
            // A submission of that name, or a deletion of the run, may have come in between.
            await CheckAsync(run, name, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NotFoundException or NotPossibleException)
        {
            await store
                .ChangeCopiedAsync<GivenNames>(
                    Document,
                    old =>
                        old?.Runs.GetValueOrDefault(name) == run
                            ? old.With(run, before is not null && !old.Runs.ContainsKey(before) ? before : null)
                            : old ?? new GivenNames(),
                    lost: null,
                    cancellationToken
                )
                .ConfigureAwait(false);
            throw;
        }

        return before;
    }

    /// <summary>Leaves the run its own name alone.</summary>
    /// <returns>What it was called; null: nothing else, and nothing was written.</returns>
    public async Task<string?> TakeAwayAsync(string run, CancellationToken cancellationToken = default)
    {
        var name = (await TryReadAsync(cancellationToken).ConfigureAwait(false)).Of(run);
        if (name is not null)
        {
            await store
                .ChangeCopiedAsync<GivenNames>(Document, old => (old ?? new GivenNames()).With(run, null), lost: null, cancellationToken)
                .ConfigureAwait(false);
        }

        return name;
    }

    /// <summary>Checks the name of a run that is to be made.</summary>
    /// <exception cref="NotPossibleException">Another run is called so.</exception>
    public async Task CheckFreeAsync(string name, CancellationToken cancellationToken = default)
    {
        if (
            (await TryReadAsync(cancellationToken).ConfigureAwait(false)).Runs.GetValueOrDefault(name) is { } run
            && run != name
            && await HasRunAsync(run, cancellationToken).ConfigureAwait(false)
        )
        {
            throw new NotPossibleException(
                $"Run '{run}' of '{store.Address}' is called '{name}' (slowrun rename). Submit under another name, or call that one otherwise: 'slowrun rename {run} OTHER'."
            );
        }
    }

    /// <summary>Writes the document again from its copy, or a missing copy from it.</summary>
    public Task MendAsync(CancellationToken cancellationToken = default) => store.MendCopiedAsync<GivenNames>(Document, cancellationToken);

    private async Task CheckAsync(string run, string name, CancellationToken cancellationToken)
    {
        if (!await HasRunAsync(run, cancellationToken).ConfigureAwait(false))
        {
            throw new NotFoundException($"There is no run '{run}' in '{store.Address}' any more.");
        }

        // Weights of an import, and what an interrupted deletion left, are of a run too.
        if (await HasObjectsAsync(name, cancellationToken).ConfigureAwait(false))
        {
            throw new NotPossibleException($"'{store.Address}' has a run '{name}'. Give '{run}' another name.");
        }
    }

    private async Task<GivenNames> ReadAsync(CancellationToken cancellationToken) =>
        await store.ReadCopiedAsync<GivenNames>(Document, cancellationToken).ConfigureAwait(false) switch
        {
            { Value: { } names } => names,
            { Damage: { } damage } => throw new InvalidDataException(
                $"{damage} It has no copy: what runs were called by 'slowrun rename' is not known. Their own names hold; 'slowrun rename' writes it anew."
            ),
            _ => new GivenNames(),
        };

    /// <summary>Its spec, or the copy of it, is there.</summary>
    private async Task<bool> HasRunAsync(string run, CancellationToken cancellationToken) =>
        RunPaths.IsName(run)
        && (
            await store.TryReadAsync(RunPaths.Spec(run), cancellationToken).ConfigureAwait(false)
            ?? await store.TryReadAsync(CopiedJson.CopyOf(RunPaths.Spec(run)), cancellationToken).ConfigureAwait(false)
        )
            is not null;

    private async Task<bool> HasObjectsAsync(string run, CancellationToken cancellationToken) =>
        RunPaths.IsName(run)
        && await store.ListNamesAsync(RunPaths.Run(run), cancellationToken).AnyAsync(cancellationToken).ConfigureAwait(false);
}
