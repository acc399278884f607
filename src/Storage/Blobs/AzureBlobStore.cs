using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Blobs;

/// <summary>A store in a container of Azure Blob Storage, or of Azurite: for any number of machines.</summary>
public sealed class AzureBlobStore : IObjectStore
{
    private readonly BlobContainerClient container;
    private readonly RemoteStoreOptions options;
    private readonly BlobPipeline pipeline;
    private readonly BlobUpload upload;

    private AzureBlobStore(BlobAddress address, BlobContainerClient container, RemoteStoreOptions options, TimeProvider time)
    {
        Address = address.ToString();
        (this.container, this.options) = (container, options);
        pipeline = new BlobPipeline(address, options, time);
        upload = new BlobUpload(pipeline, options);
    }

    public string Address { get; }

    public bool IsRemote => true;

    /// <summary>The account as a client that never retries: for libraries that need one. The store's own members do retry.</summary>
    public BlobServiceClient Account => container.GetParentBlobServiceClient();

    public string ContainerName => container.Name;

    /// <param name="address"><c>azblob://account/container</c>.</param>
    /// <param name="create">Makes the container if it is not there; otherwise that is an error.</param>
    /// <param name="connectionString">Credentials, as in <c>AZURE_STORAGE_CONNECTION_STRING</c>; null: Azurite's for its account, the
    /// default Azure credential for any other.</param>
    /// <exception cref="StoreException">The message says what is wrong and what to do, and no secret.</exception>
    public static async Task<AzureBlobStore> OpenAsync(
        string address,
        bool create,
        string? connectionString,
        RemoteStoreOptions? options = null,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(address);
        var parsed = BlobAddress.Parse(address);
        options ??= new RemoteStoreOptions();
        time ??= TimeProvider.System;
        var container = parsed.Connect(connectionString);
        var opening = new BlobPipeline(parsed, options.ForOpening(), time);
        await OpenContainerAsync(opening, container, create, cancellationToken).ConfigureAwait(false);
        return new AzureBlobStore(parsed, container, options, time);
    }

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return pipeline.RunAsync(
            $"read '{name}'",
            token =>
                BlobErrors.UnlessGoneAsync(async () =>
                {
                    var answer = (await blob.DownloadContentAsync(token).ConfigureAwait(false)).Value;
                    var content = answer.Content.ToMemory();
                    return content.Length == answer.Details.ContentLength
                        ? new StoredObject(content, answer.Details.ETag.ToString(), answer.Details.LastModified)
                        : throw ObjectChunk.BrokenOff(name, content.Length, answer.Details.ContentLength);
                }),
            cancellationToken
        );
    }

    public Task<string?> TryReadETagAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return pipeline.RunAsync(
            $"look for '{name}'",
            token =>
                BlobErrors.UnlessGoneAsync(async () =>
                    (await blob.GetPropertiesAsync(cancellationToken: token).ConfigureAwait(false)).Value.ETag.ToString()
                ),
            cancellationToken
        );
    }

    public Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return ObjectReadStream.TryOpenAsync(
            pipeline,
            options,
            name,
            offset,
            length,
            (from, count, etag, token) => BlobReads.TryReadAsync(blob, from, count, etag, token),
            cancellationToken
        );
    }

    public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        upload.TryPutAsync(Blob(name), content, new BlobRequestConditions { IfNoneMatch = ETag.All }, cancellationToken);

    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        return upload.TryCreateAsync(Blob(name), content, cancellationToken);
    }

    public Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    ) => upload.TryPutAsync(Blob(name), content, new BlobRequestConditions { IfMatch = new ETag(etag) }, cancellationToken);

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        upload.TryPutAsync(Blob(name), content, null, cancellationToken);

    public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        var conditions = etag is null ? null : new BlobRequestConditions { IfMatch = new ETag(etag) };
        return pipeline.RunAsync(
            $"delete '{name}'",
            token =>
                BlobErrors.UnlessGoneAsync(
                    async () =>
                    {
                        await blob.DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, conditions, token).ConfigureAwait(false);
                        return true;
                    },
                    conditions
                ),
            cancellationToken
        );
    }

    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        RemoteListing.EntriesAsync(
            prefix,
            PagesAsync(prefix, token => container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, token), cancellationToken),
            page =>
                page.Select(blob => new ObjectEntry(
                    blob.Name,
                    blob.Properties.ContentLength ?? 0,
                    blob.Properties.LastModified ?? DateTimeOffset.UnixEpoch
                ))
        );

    public IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        RemoteListing.FoldersAsync(
            prefix,
            PagesAsync(
                prefix,
                token => container.GetBlobsByHierarchyAsync(BlobTraits.None, BlobStates.None, "/", prefix, token),
                cancellationToken
            ),
            page => page.Where(item => item.IsPrefix).Select(item => item.Prefix),
            prefix.Length
        );

    private BlockBlobClient Blob(string name)
    {
        ObjectNames.Check(name);
        return container.GetBlockBlobClient(name);
    }

    private static Task<bool> OpenContainerAsync(
        BlobPipeline pipeline,
        BlobContainerClient container,
        bool create,
        CancellationToken cancellationToken
    ) =>
        pipeline.RunAsync(
            "open its container",
            async token =>
            {
                try
                {
                    // Looked for first: an identity that may use a container need not be allowed to create one.
                    await container.GetPropertiesAsync(cancellationToken: token).ConfigureAwait(false);
                }
                catch (RequestFailedException e) when (create && e is { Status: 404, ErrorCode: "ContainerNotFound" })
                {
                    await container.CreateIfNotExistsAsync(cancellationToken: token).ConfigureAwait(false);
                }

                return true;
            },
            cancellationToken
        );

    private IAsyncEnumerable<IReadOnlyList<T>> PagesAsync<T>(
        string prefix,
        Func<CancellationToken, AsyncPageable<T>> list,
        CancellationToken cancellationToken
    )
        where T : notnull =>
        RemoteListing.PagesAsync(
            pipeline,
            prefix,
            async (continuation, token) =>
            {
                var pages = list(token).AsPages(continuation).GetAsyncEnumerator(token);
                await using (pages.ConfigureAwait(false))
                {
                    return await pages.MoveNextAsync().ConfigureAwait(false)
                        ? (pages.Current.Values, pages.Current.ContinuationToken)
                        : ((IReadOnlyList<T>)[], null);
                }
            },
            cancellationToken
        );
}
