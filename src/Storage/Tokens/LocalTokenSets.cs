using Slowrun.Core.Tokens;
using Slowrun.Storage.Caches;

namespace Slowrun.Storage.Tokens;

/// <summary>
/// A run's token sets, read into memory by way of this machine's cache where the store is far away: of all silos of the machine one fetches
/// an object, and each reads and verifies a copy of its own.
/// </summary>
public sealed class LocalTokenSets
{
    // One more than the two failures that can happen: damage, and a deletion by another process that makes room.
    private const int Tries = 3;

    private readonly IObjectStore store;
    private readonly TokenCache? cache;

    public LocalTokenSets(IObjectStore store)
        : this(store, store.IsRemote ? TokenCache.OfMachine() : null) { }

    /// <param name="cache">Null: a store of this machine.</param>
    public LocalTokenSets(IObjectStore store, TokenCache? cache) => (this.store, this.cache) = (store, cache);

    /// <param name="tokens">One of the sets that <paramref name="manifest"/> names.</param>
    /// <exception cref="InvalidDataException">Missing or damaged, or not what the manifest says.</exception>
    public Task<TokenSet> ReadAsync(DataManifest manifest, StoredTokens tokens, CancellationToken cancellationToken = default) =>
        Task.Run(
            // Hashing gigabytes blocks: not on the caller's scheduler.
            () =>
                cache is null
                    ? new StoredTokenSets(store).ReadAsync(manifest, tokens, cancellationToken)
                    : new CachedObjects(store, cache).ReadSetAsync(manifest, tokens, cancellationToken),
            cancellationToken
        );

    private sealed class CachedObjects(IObjectStore store, TokenCache files) : DataReader
    {
        public override async Task<T[]> ReadAsync<T>(string sha256, CancellationToken cancellationToken)
        {
            for (var tries = 1; ; tries++)
            {
                var path = await files.FetchAsync(store, sha256, cancellationToken).ConfigureAwait(false);
                try
                {
                    var file = FileCache.OpenShared(path);
                    await using (file.ConfigureAwait(false))
                    {
                        return await ReadAsync<T>(file, sha256, cancellationToken).ConfigureAwait(false);
                    }
                }
                catch (InvalidDataException e)
                {
                    // Damaged here since it was fetched: the store has it still.
                    files.Drop(sha256);
                    if (tries >= Tries)
                    {
                        throw new IOException(
                            $"The cached file '{path}' is damaged again each time it is fetched: the disk may be failing. Set SLOWRUN_CACHE to a directory of another one. ({e.Message})",
                            e
                        );
                    }
                }
                // Just deleted to make room.
                catch (IOException) when (tries < Tries) { }
            }
        }
    }
}
