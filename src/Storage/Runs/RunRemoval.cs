using Slowrun.Core;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>
/// Deletes all that the store has of a run. First the run's order becomes cancelled, so that no silo takes a stage; then goes what the run
/// made, then the spec, and the order last: a deletion that broke off leaves a cancelled run, never one that starts anew, and is finished
/// by another one. Data is not the run's own, and stays.
/// </summary>
public sealed class RunRemoval(IObjectStore store, string run)
{
    // A silo that looked before the order may still write once.
    private const int Rounds = 10;

    /// <summary>All objects of the run, in the order in which they are deleted; none where there is nothing of that name.</summary>
    public async Task<IReadOnlyList<ObjectEntry>> ListAsync(CancellationToken cancellationToken = default) =>
        [
            .. (await store.ListAsync(RunPaths.Run(run), cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false)).OrderBy(
                entry => Rank(entry.Name)
            ),
        ];

    /// <summary>Has every silo let go of the run and keeps it so.</summary>
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
        var last = Rank(RunPaths.Intent(run));
        for (var round = 0; round < Rounds; round++)
        {
            var entries = await ListAsync(cancellationToken).ConfigureAwait(false);
            // The order holds the run until nothing else is left, as a later listing says: silos put a missing spec back from its copy.
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
                await OrderBell.RingAsync(store, cancellationToken).ConfigureAwait(false);
                return;
            }
        }

        throw new NotPossibleException(
            $"Objects of '{run}' come back while they are deleted: a silo writes them. The run is cancelled; 'slowrun delete {run}' goes on once that silo has ended."
        );
    }

    /// <summary>What goes first: the copy of a spec before the spec, or it would be put back; the order last.</summary>
    private int Rank(string name) =>
        name == RunPaths.Intent(run) ? 4
        : name == CopiedJson.CopyOf(RunPaths.Intent(run)) ? 3
        : name == RunPaths.Spec(run) ? 2
        : name == CopiedJson.CopyOf(RunPaths.Spec(run)) ? 1
        : 0;
}
