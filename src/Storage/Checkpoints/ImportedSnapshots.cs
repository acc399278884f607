using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>Weights that a spec names by their hash: before the run is made they are among its snapshots, where its stages look for
/// them.</summary>
public sealed class ImportedSnapshots(IObjectStore store)
{
    /// <summary>Copies those that the run does not have yet from any run of the store that has them. Doing it again does nothing.</summary>
    /// <exception cref="InvalidRequestException">No run has them whole, or they are not of the recipe's model.</exception>
    public async Task EnsureAsync(RunSpec spec, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var stages = new RunPlan(spec.Recipe).Stages.Where(stage => stage.ImportedSha256 is not null);
        foreach (var same in stages.GroupBy(stage => stage.ImportedSha256!))
        {
            var header = await TryReadHeaderAsync(spec.Name, same.Key, cancellationToken).ConfigureAwait(false);
            if (header is null)
            {
                await CopyAsync(same.Key, spec.Name, cancellationToken).ConfigureAwait(false);
                header =
                    await TryReadHeaderAsync(spec.Name, same.Key, cancellationToken).ConfigureAwait(false)
                    ?? throw new InvalidRequestException(
                        $"The imported weights {same.Key} were deleted by another process at this moment. Try again."
                    );
            }

            foreach (var stage in same)
            {
                if (WeightsCheck.Problem(stage.Model, stage.Stage.Selection, header.Tensors) is { } problem)
                {
                    throw new InvalidRequestException($"The imported weights of '{stage.Id}' do not fit the recipe: {problem}");
                }
            }
        }
    }

    /// <summary>When the last weights were written under a name that nothing else was written under: of an import that has not made its
    /// run yet, or never will. Null: there is something else, or nothing.</summary>
    public async Task<DateTimeOffset?> TryLastWithoutRunAsync(string run, CancellationToken cancellationToken)
    {
        DateTimeOffset? last = null;
        await foreach (var entry in store.ListAsync(RunPaths.Run(run), cancellationToken).ConfigureAwait(false))
        {
            if (!entry.Name.StartsWith(RunPaths.Snapshots(run), StringComparison.Ordinal))
            {
                return null;
            }

            last = last > entry.ModifiedAt ? last : entry.ModifiedAt;
        }

        return last;
    }

    private async Task CopyAsync(string sha256, string run, CancellationToken cancellationToken)
    {
        await foreach (var other in RunDocuments.ListRunsAsync(store, cancellationToken).ConfigureAwait(false))
        {
            if (other != run && await TryCopyAsync(sha256, other, run, cancellationToken).ConfigureAwait(false))
            {
                return;
            }
        }

        throw new InvalidRequestException(
            $"The spec's chains name the imported weights {sha256}, and no run of '{store.Address}' has them. 'slowrun import FILE' puts a file's weights into the store and prints their hash."
        );
    }

    private async Task<bool> TryCopyAsync(string sha256, string other, string run, CancellationToken cancellationToken)
    {
        var name = RunPaths.Snapshot(run, sha256);
        var from = await store.TryOpenAsync(RunPaths.Snapshot(other, sha256), cancellationToken: cancellationToken).ConfigureAwait(false);
        if (from is null)
        {
            return false;
        }

        await using (from.ConfigureAwait(false))
        {
            await store.TryCreateAsync(name, from, cancellationToken).ConfigureAwait(false);
        }

        // What was written, not what was read: a damaged source is found out, too.
        return await new SnapshotStore(store, run, TimeProvider.System).HasWholeAsync(sha256, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SafetensorsHeader?> TryReadHeaderAsync(string run, string sha256, CancellationToken cancellationToken)
    {
        var name = RunPaths.Snapshot(run, sha256);
        var content = await store.TryOpenAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false);
        if (content is null)
        {
            return null;
        }

        await using (content.ConfigureAwait(false))
        {
            return await SafetensorsReader.ReadHeaderAsync(content, content.Length, name, cancellationToken).ConfigureAwait(false);
        }
    }
}
