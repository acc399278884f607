using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Slowrun.Storage.Blobs;

/// <summary>A store in a container of Azure Blob Storage, or of Azurite: for any number of machines.</summary>
public sealed class AzureBlobStore : IObjectStore
{
    private static readonly TimeSpan OpeningDeadline = TimeSpan.FromSeconds(20);

    private readonly BlobContainerClient container;
    private readonly BlobStoreOptions options;
    private readonly BlobPipeline pipeline;
    private readonly BlobUpload upload;

    private AzureBlobStore(BlobAddress address, BlobContainerClient container, BlobStoreOptions options, TimeProvider time)
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
        BlobStoreOptions? options = null,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(address);
        var parsed = BlobAddress.Parse(address);
        options ??= new BlobStoreOptions();
        time ??= TimeProvider.System;
        var container = parsed.Connect(connectionString);
        // Shorter than other deadlines: a user waits for the opening, and the account may be misspelt.
        var opening = new BlobPipeline(
            parsed,
            options with
            {
                Deadline = options.Deadline < OpeningDeadline ? options.Deadline : OpeningDeadline,
            },
            time
        );
        await OpenContainerAsync(opening, container, create, cancellationToken).ConfigureAwait(false);
        return new AzureBlobStore(parsed, container, options, time);
    }

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return pipeline.RunAsync(
            $"read '{name}'",
            async token =>
            {
                try
                {
                    var answer = (await blob.DownloadContentAsync(token).ConfigureAwait(false)).Value;
                    var content = answer.Content.ToMemory();
                    return content.Length == answer.Details.ContentLength
                        ? new StoredObject(content, answer.Details.ETag.ToString(), answer.Details.LastModified)
                        : throw new IOException($"Blob '{name}' broke off after {content.Length} of {answer.Details.ContentLength} bytes");
                }
                catch (RequestFailedException e) when (e.IsMissingBlob())
                {
                    return null;
                }
            },
            cancellationToken
        );
    }

    public async Task<Stream?> TryOpenAsync(
        string name,
        long offset = 0,
        long? length = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return await BlobReadStream.TryOpenAsync(pipeline, options, Blob(name), offset, length, cancellationToken).ConfigureAwait(false);
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
            async token =>
            {
                try
                {
                    await blob.DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, conditions, token).ConfigureAwait(false);
                    return true;
                }
                catch (RequestFailedException e) when (e.IsMissingBlob() || e.IsConditionNotMet())
                {
                    return false;
                }
            },
            cancellationToken
        );
    }

    public async IAsyncEnumerable<ObjectEntry> ListAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckPrefix(prefix);
        var blobs = await PagesAsync(
                prefix,
                token => container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, token),
                cancellationToken
            )
            .ConfigureAwait(false);
        foreach (var blob in blobs.OrderBy(blob => blob.Name, StringComparer.Ordinal))
        {
            yield return new ObjectEntry(
                blob.Name,
                blob.Properties.ContentLength ?? 0,
                blob.Properties.LastModified ?? DateTimeOffset.UnixEpoch
            );
        }
    }

    public async IAsyncEnumerable<string> ListFoldersAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckFolder(prefix);
        var items = await PagesAsync(
                prefix,
                token => container.GetBlobsByHierarchyAsync(BlobTraits.None, BlobStates.None, "/", prefix, token),
                cancellationToken
            )
            .ConfigureAwait(false);
        foreach (
            var folder in items.Where(item => item.IsPrefix).Select(item => item.Prefix[prefix.Length..^1]).Order(StringComparer.Ordinal)
        )
        {
            yield return folder;
        }
    }

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

    // Each page is an operation of its own: a long listing outlives a deadline.
    private async Task<List<T>> PagesAsync<T>(
        string prefix,
        Func<CancellationToken, AsyncPageable<T>> list,
        CancellationToken cancellationToken
    )
        where T : notnull
    {
        var items = new List<T>();
        string? next = null;
        do
        {
            var continuation = next;
            var page = await pipeline
                .RunAsync(
                    $"list '{prefix}'",
                    async token =>
                    {
                        var pages = list(token).AsPages(continuation).GetAsyncEnumerator(token);
                        await using (pages.ConfigureAwait(false))
                        {
                            return await pages.MoveNextAsync().ConfigureAwait(false) ? pages.Current : null;
                        }
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
            items.AddRange(page?.Values ?? []);
            next = page?.ContinuationToken;
        } while (!string.IsNullOrEmpty(next));

        return items;
    }
}
