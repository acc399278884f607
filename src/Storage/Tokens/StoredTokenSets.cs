using Slowrun.Core;
using Slowrun.Core.Tokens;

namespace Slowrun.Storage.Tokens;

/// <summary>Reads a run's data from a store into memory, and verifies it against the hash it is named by.</summary>
public sealed class StoredTokenSets(IObjectStore store)
{
    // A manifest has some hundred bytes.
    private const int LongestManifestBytes = 1 << 20;

    /// <summary>Whether there are data of this hash: an object of the name that is no longer than a manifest may be.</summary>
    /// <param name="sha256">Of a manifest, as anyone may have written it.</param>
    public async Task<bool> HasAsync(string sha256, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sha256);
        if (!CanonicalJson.IsSha256(sha256))
        {
            return false;
        }

        var content = await store.TryOpenAsync(DataPaths.Of(sha256), cancellationToken: cancellationToken).ConfigureAwait(false);
        if (content is null)
        {
            return false;
        }

        await using (content.ConfigureAwait(false))
        {
            return content.Length <= LongestManifestBytes;
        }
    }

    /// <param name="sha256">The recipe's data hash.</param>
    /// <exception cref="InvalidDataException">Missing or damaged.</exception>
    public async Task<DataManifest> ReadManifestAsync(string sha256, CancellationToken cancellationToken = default)
    {
        var content = await new Objects(store).ReadAsync<byte>(sha256, cancellationToken).ConfigureAwait(false);
        return CanonicalJson.Deserialize<DataManifest>(content, DataPaths.Of(sha256));
    }

    /// <param name="tokens">One of the sets that <paramref name="manifest"/> names.</param>
    /// <exception cref="InvalidDataException">Missing or damaged, or not what the manifest says.</exception>
    public Task<TokenSet> ReadAsync(DataManifest manifest, StoredTokens tokens, CancellationToken cancellationToken = default) =>
        new Objects(store).ReadSetAsync(manifest, tokens, cancellationToken);

    /// <summary>Reads one of the objects that a manifest names; of tokens every id is held against the vocabulary too.</summary>
    /// <exception cref="InvalidDataException">Missing or damaged, or not valid.</exception>
    internal async Task VerifyAsync(DataManifest manifest, string sha256, CancellationToken cancellationToken)
    {
        var objects = new Objects(store);
        if (new[] { manifest.Train, manifest.Fitness, manifest.Validation }.Any(set => set?.Sha256 == sha256))
        {
            DataReader.CheckIds(
                DataPaths.Of(sha256),
                await objects.ReadAsync<ushort>(sha256, cancellationToken).ConfigureAwait(false),
                manifest.VocabSize
            );
        }
        else
        {
            await objects.ReadAsync<byte>(sha256, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Bytes that each id of a tokenizer known here stands for; null for others.</summary>
    internal static int[]? TokenBytesOf(string tokenizer) => tokenizer == "bytes" ? [.. Enumerable.Repeat(1, 256), 0] : null;

    internal static InvalidDataException Missing(string sha256) =>
        new(
            $"The data '{DataPaths.Of(sha256)}' is missing from the store. Put it back from a copy, or submit the run again: that uploads it."
        );

    internal static InvalidDataException Damaged(string sha256, string found) =>
        new(
            $"The data '{DataPaths.Of(sha256)}' is damaged: its SHA-256 is {found}, expected {sha256}. Put it back from a copy; or delete it and submit the run again, which uploads it."
        );

    private sealed class Objects(IObjectStore store) : DataReader
    {
        public override async Task<T[]> ReadAsync<T>(string sha256, CancellationToken cancellationToken)
        {
            var content =
                await store.TryOpenAsync(DataPaths.Of(sha256), cancellationToken: cancellationToken).ConfigureAwait(false)
                ?? throw Missing(sha256);
            await using (content.ConfigureAwait(false))
            {
                return await ReadAsync<T>(content, sha256, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
