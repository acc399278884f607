using System.Security.Cryptography;

namespace Slowrun.Storage.Tokens;

/// <summary>Data objects that this machine has fetched from a store far away, as files named by their SHA-256.</summary>
public sealed class TokenCache(FileCache files)
{
    // Hundreds of times upstream's 110 M tokens, and little beside a model's checkpoints.
    private const long DefaultCapacityBytes = 32L << 30;

    public TokenCache(string folder, long capacityBytes, TimeProvider? time = null)
        : this(new FileCache(folder, capacityBytes, time))
    {
    }

    /// <summary>See <see cref="FileCache.OfMachine"/>.</summary>
    public static TokenCache OfMachine() => new(FileCache.OfMachine("data", DefaultCapacityBytes));

    /// <summary>Brings an object onto this machine if it is not there; verified while it is fetched.</summary>
    /// <returns>Its file, which may vanish until it is opened: ask again then.</returns>
    /// <exception cref="InvalidDataException">It is missing from the store or damaged there.</exception>
    /// <exception cref="IOException">The cache cannot be written to.</exception>
    public async Task<string> FetchAsync(IObjectStore store, string sha256, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        return await files.FetchAsync(sha256, OpenAsync, Verify, cancellationToken).ConfigureAwait(false);

        async Task<Stream> OpenAsync() => new HashingReadStream(
            await store.TryOpenAsync(DataPaths.Of(sha256), cancellationToken: cancellationToken).ConfigureAwait(false) ?? throw StoredTokenSets.Missing(sha256),
            hash.AppendData);

        void Verify()
        {
            var hex = Convert.ToHexStringLower(hash.GetCurrentHash());
            if (hex != sha256)
            {
                throw StoredTokenSets.Damaged(sha256, hex);
            }
        }
    }

    /// <summary>Forgets an object that turned out to be damaged here.</summary>
    public void Drop(string sha256) => files.Drop(sha256);
}
