using Slowrun.Core.Tokens;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tokens;

/// <summary>
/// A run's token sets, mapped from files of this machine: a directory store's own, or the cache's for a store far away. Other stores
/// (memory) are read into memory.
/// </summary>
public sealed class LocalTokenSets
{
    // One more than the two that can happen: damage, and another process's making room.
    private const int Tries = 3;

    private readonly IObjectStore store;
    private readonly TokenCache? cache;

    public LocalTokenSets(IObjectStore store)
        : this(store, store is AzureBlobStore ? TokenCache.OfMachine() : null)
    {
    }

    /// <param name="cache">Null: a store of this machine.</param>
    public LocalTokenSets(IObjectStore store, TokenCache? cache) => (this.store, this.cache) = (store, cache);

    /// <param name="tokens">One of the sets that <paramref name="manifest"/> names.</param>
    /// <exception cref="InvalidDataException">Missing or damaged, or not what the manifest says.</exception>
    public async Task<TokenSet> ReadAsync(DataManifest manifest, StoredTokens tokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(tokens);
        string[] objects = [tokens.Sha256, tokens.DocumentStartsSha256, .. manifest.TokenBytesSha256 is { } tokenBytes ? [tokenBytes] : Array.Empty<string>()];
        if (cache is not null)
        {
            return await ReadCachedAsync(cache, manifest, tokens, objects, cancellationToken).ConfigureAwait(false);
        }

        if (store is not DirectoryStore directory)
        {
            return await new StoredTokenSets(store).ReadAsync(manifest, tokens, cancellationToken).ConfigureAwait(false);
        }

        foreach (var sha256 in objects)
        {
            if (!File.Exists(directory.PathOf(DataPaths.Of(sha256))))
            {
                throw StoredTokenSets.Missing(sha256);
            }
        }

        // Hashing gigabytes blocks: not on the caller's scheduler.
        return await Task.Run(() => MappedTokenSet.Open(manifest, tokens, sha256 => directory.PathOf(DataPaths.Of(sha256))), cancellationToken).ConfigureAwait(false);
    }

    private async Task<TokenSet> ReadCachedAsync(TokenCache files, DataManifest manifest, StoredTokens tokens, string[] objects, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var paths = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var sha256 in objects)
            {
                paths[sha256] = await files.FetchAsync(store, sha256, cancellationToken).ConfigureAwait(false);
            }

            try
            {
                return await Task.Run(() => MappedTokenSet.Open(manifest, tokens, sha256 => paths[sha256]), cancellationToken).ConfigureAwait(false);
            }
            // Damaged here since it was fetched, or just deleted to make room.
            catch (Exception e) when (e is InvalidDataException or IOException && tries < Tries)
            {
                if (e is InvalidDataException)
                {
                    Array.ForEach(objects, files.Drop);
                }
            }
        }
    }
}
