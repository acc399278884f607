using Slowrun.Storage.Caches;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Snapshots to be read again and again, from files of this machine: the store's own, or the cache's for a store far away. Of other
/// stores (memory) they are read into memory.
/// </summary>
public sealed class LocalSnapshots
{
    // One more than the two failures that can happen: damage, and a deletion by another process that makes room.
    private const int Tries = 3;

    private readonly IObjectStore store;
    private readonly TokenCache? cache;

    public LocalSnapshots(IObjectStore store)
        : this(store, store.IsRemote ? TokenCache.OfMachine() : null) { }

    /// <param name="cache">Null: a store of this machine.</param>
    public LocalSnapshots(IObjectStore store, TokenCache? cache) => (this.store, this.cache) = (store, cache);

    /// <exception cref="InvalidDataException">Missing, damaged or exchanged.</exception>
    public async Task<SnapshotWeights> OpenAsync(string run, string sha256, CancellationToken cancellationToken = default)
    {
        var name = RunPaths.Snapshot(run, sha256);
        if (cache is not null)
        {
            return await OpenCachedAsync(cache, name, sha256, cancellationToken).ConfigureAwait(false);
        }

        if (store.LocalFiles is not { } local)
        {
            return new SnapshotWeights(
                await new SnapshotStore(store, run, TimeProvider.System).ReadAsync(sha256, cancellationToken).ConfigureAwait(false)
            );
        }

        var file = local.TryOpenFile(name) ?? throw SnapshotStore.Missing(name);
        return await SnapshotWeights.OpenAsync(file, name, sha256, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SnapshotWeights> OpenCachedAsync(TokenCache files, string name, string sha256, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var path = await files
                .FetchAsync(store, name, sha256, SnapshotStore.Missing, SnapshotStore.Damaged, cancellationToken)
                .ConfigureAwait(false);
            try
            {
                return await SnapshotWeights.OpenAsync(FileCache.OpenShared(path), name, sha256, cancellationToken).ConfigureAwait(false);
            }
            // Damaged here since it was fetched, or just deleted to make room.
            catch (Exception e) when (e is InvalidDataException or IOException && tries < Tries)
            {
                if (e is InvalidDataException)
                {
                    files.Drop(sha256);
                }
            }
        }
    }
}
