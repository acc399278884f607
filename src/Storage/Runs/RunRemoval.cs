using Slowrun.Core;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>
/// Deletes all objects of a run. First the run's intent becomes cancelled, so that no silo takes a stage; then the run's results, the spec
/// and last the intent are deleted: an interrupted deletion leaves a cancelled run, never one that starts anew, and the next deletion
/// finishes it. Data may belong to other runs too, and stays.
/// </summary>
public sealed class RunRemoval(IObjectStore store, string run)
{
    // A silo that read the intent before it was cancelled may still write once.
    private const int Rounds = 10;

    /// <summary>All objects of the run, in the order in which they are deleted; none where there is nothing of that name.</summary>
    public async Task<IReadOnlyList<ObjectEntry>> ListAsync(CancellationToken cancellationToken = default) =>
        [
            .. (await store.ListAsync(RunPaths.Run(run), cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false)).OrderBy(
                entry => Rank(entry.Name)
            ),
        ];

    /// <summary>Has every silo release the run, and take none of its stages again.</summary>
    public Task CancelAsync(CancellationToken cancellationToken = default) =>
        new RunDocuments(store, run).ChangeIntentAsync(
            intent => intent.Run == DesiredState.Cancelled ? intent : intent.With(DesiredState.Cancelled, null),
            cancellationToken
        );

    /// <summary>Deletes the objects of a run that is cancelled and that no silo owns a stage of.</summary>
    /// <param name="deleted">Called after each deletion.</param>
    /// <exception cref="NotPossibleException">A silo goes on writing objects of the run.</exception>
    public async Task DeleteAsync(Action<ObjectEntry>? deleted = null, CancellationToken cancellationToken = default)
    {
        // First, so that an interrupted deletion leaves no name to a run that is submitted again; and last, for one given meanwhile.
        var naming = new RunNaming(store);
        await naming.TakeAwayAsync(run, cancellationToken).ConfigureAwait(false);
        var last = Rank(RunPaths.Intent(run));
        for (var round = 0; round < Rounds; round++)
        {
            var entries = await ListAsync(cancellationToken).ConfigureAwait(false);
            // The intent stays until a later listing has nothing else: silos restore a missing spec from its copy.
            var isLast = entries.All(entry => Rank(entry.Name) == last);
            foreach (var entry in isLast ? entries : entries.Where(entry => Rank(entry.Name) < last))
            {
                if (await store.TryDeleteAsync(entry.Name, cancellationToken: cancellationToken).ConfigureAwait(false))
                {
                    deleted?.Invoke(entry);
                }
            }

            if (isLast)
            {
                await naming.TakeAwayAsync(run, cancellationToken).ConfigureAwait(false);
                await OrderBell.RingAsync(store, cancellationToken).ConfigureAwait(false);
                return;
            }
        }

        throw new NotPossibleException(
            $"Objects of '{run}' come back while they are deleted: a silo writes them. The run is cancelled; run 'slowrun delete {run}' again once that silo has ended."
        );
    }

    /// <summary>Lower ranks are deleted first: the copy of a spec before the spec, or a silo would restore it; the intent last.</summary>
    private int Rank(string name) =>
        name == RunPaths.Intent(run) ? 4
        : name == CopiedJson.CopyOf(RunPaths.Intent(run)) ? 3
        : name == RunPaths.Spec(run) ? 2
        : name == CopiedJson.CopyOf(RunPaths.Spec(run)) ? 1
        : 0;
}
