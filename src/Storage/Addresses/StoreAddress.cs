using System.Collections.Concurrent;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Directories;
using Slowrun.Storage.Gcs;
using Slowrun.Storage.Remote;
using Slowrun.Storage.S3;

namespace Slowrun.Storage.Addresses;

/// <summary>The value of <c>--store</c>: all that a silo or a client needs to find its cluster and runs.</summary>
public static class StoreAddress
{
    private const string InMemory = "memory:";

    // One process's silos and clients meet in a store by its name, as they would in a directory.
    private static readonly ConcurrentDictionary<string, MemoryStore> Memories = new(StringComparer.Ordinal);

    /// <param name="address">A directory, <c>azblob://account/container</c>, <c>s3://bucket/prefix</c>,
    /// <c>gs://bucket/prefix</c>, or <c>memory:NAME</c> (of this process).</param>
    /// <param name="create">Makes the directory or container if it is not there (a bucket of Google's has to be there); otherwise that
    /// is an error.</param>
    /// <exception cref="StoreException">The message says which address, what is wrong and what to do.</exception>
    public static async Task<IObjectStore> OpenAsync(
        string address,
        bool create,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(address);
        cancellationToken.ThrowIfCancellationRequested();
        if (address.StartsWith(InMemory, StringComparison.Ordinal))
        {
            return address == InMemory ? new MemoryStore(address, time) : Memories.GetOrAdd(address, key => new MemoryStore(key, time));
        }

        if (address.StartsWith(BlobAddress.Scheme, StringComparison.Ordinal))
        {
            var credentials = AzureAccount.ConnectionString;
            return await AzureBlobStore.OpenAsync(address, create, credentials, null, time, cancellationToken).ConfigureAwait(false);
        }

        if (address.StartsWith(S3Address.Scheme, StringComparison.Ordinal))
        {
            return await S3Store.OpenAsync(address, create, null, null, time, cancellationToken).ConfigureAwait(false);
        }

        if (address.StartsWith(GcsAddress.Scheme, StringComparison.Ordinal))
        {
            return await GcsStore.OpenAsync(address, time: time, cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        return IsDirectory(address)
            ? await Task.Run(() => DirectoryStore.Open(address, create, time), cancellationToken).ConfigureAwait(false)
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"'{Secrets.Redacted(address)}' is no address of a store: give a directory, "
                    + $"{BlobAddress.Scheme}ACCOUNT/CONTAINER, {S3Address.Scheme}BUCKET/PREFIX, or "
                    + $"{GcsAddress.Scheme}BUCKET/PREFIX."
            );
    }

    /// <summary>Whether the address names a directory, thus a store of this machine alone.</summary>
    public static bool IsDirectory(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Trim().Length > 0
            && !address.Contains("://", StringComparison.Ordinal)
            && !address.StartsWith(InMemory, StringComparison.Ordinal);
    }
}
