using System.Security.Cryptography;
using Slowrun.Storage.Caches;

namespace Slowrun.Storage.Tokens;

/// <summary>Data objects that this machine has fetched from a store far away, as files named by their SHA-256.</summary>
public sealed class TokenCache(FileCache files)
{
    // Hundreds of times upstream's 110 M tokens, and little beside a model's checkpoints.
    private const long DefaultCapacityBytes = 32L << 30;

    public TokenCache(string folder, long capacityBytes, TimeProvider? time = null)
        : this(new FileCache(folder, capacityBytes, time)) { }

    /// <summary>See <see cref="FileCache.OfMachine"/>.</summary>
    public static TokenCache OfMachine() => new(FileCache.OfMachine("data", DefaultCapacityBytes));

    /// <summary>Brings an object onto this machine if it is not there; verified while it is fetched.</summary>
    /// <returns>Its file, which may vanish until it is opened: ask again then.</returns>
    /// <exception cref="InvalidDataException">It is missing from the store or damaged there.</exception>
    /// <exception cref="IOException">The cache cannot be written to.</exception>
    public Task<string> FetchAsync(IObjectStore store, string sha256, CancellationToken cancellationToken = default) =>
        FetchAsync(
            store,
            DataPaths.Of(sha256),
            sha256,
            _ => StoredTokenSets.Missing(sha256),
            (_, found) => StoredTokenSets.Damaged(sha256, found),
            cancellationToken
        );

    /// <summary>As above, of any immutable object whose bytes have that hash.</summary>
    /// <param name="missing">Of the object's name.</param>
    /// <param name="damaged">Of the object's name, and the hash that was found.</param>
    internal async Task<string> FetchAsync(
        IObjectStore store,
        string name,
        string sha256,
        Func<string, InvalidDataException> missing,
        Func<string, string, InvalidDataException> damaged,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(store);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        return await files.FetchAsync(sha256, OpenAsync, Verify, cancellationToken).ConfigureAwait(false);

        async Task<Stream> OpenAsync() =>
            new HashingReadStream(
                await store.TryOpenAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false) ?? throw missing(name),
                hash.AppendData
            );

        void Verify()
        {
            var hex = Convert.ToHexStringLower(hash.GetCurrentHash());
            if (hex != sha256)
            {
                throw damaged(name, hex);
            }
        }
    }

    /// <summary>Forgets an object that turned out to be damaged here.</summary>
    public void Drop(string sha256) => files.Drop(sha256);
}
