using System.Globalization;
using Google;
using Google.Apis.Auth.OAuth2;
using Google.Apis.Storage.v1.Data;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Gcs;

/// <summary>A store in a bucket of Google Cloud Storage: for any number of machines. The etag of an object is its generation, which no two
/// writes share.</summary>
public sealed class GcsStore : IObjectStore
{
    // Blocks of an upload that are not its last are a multiple of it.
    private const int BlockUnit = 256 << 10;

    private readonly GcsBucket bucket;
    private readonly RemoteStoreOptions options;
    private readonly GcsPipeline pipeline;
    private readonly GcsUpload upload;

    private GcsStore(GcsBucket bucket, Uri? emulator, RemoteStoreOptions options, TimeProvider time)
    {
        this.bucket = bucket;
        this.options = options with { BlockBytes = (options.BlockBytes + BlockUnit - 1) / BlockUnit * BlockUnit };
        pipeline = new GcsPipeline(bucket.Address, emulator, options, time);
        upload = new GcsUpload(bucket, pipeline, this.options);
    }

    public string Address => bucket.Address.ToString();

    public bool IsRemote => true;

    /// <summary>Opens a store in a bucket that exists: to create one, its region and its project have to be chosen.</summary>
    /// <param name="address"><c>gs://BUCKET/PREFIX</c>.</param>
    /// <param name="emulator">Another server; null: the one that <c>STORAGE_EMULATOR_HOST</c> names, or Google's.</param>
    /// <param name="credential">Null: the Application Default Credentials, or none for an emulator.</param>
    /// <exception cref="StoreException">The message says what is wrong and what to do, and no secret.</exception>
    public static async Task<GcsStore> OpenAsync(
        string address,
        Uri? emulator = null,
        GoogleCredential? credential = null,
        RemoteStoreOptions? options = null,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(address);
        var parsed = GcsAddress.Parse(address);
        options ??= new RemoteStoreOptions();
        time ??= TimeProvider.System;
        // Read once: what a message says is what the store was opened with.
        emulator ??= GcsClients.Emulator;
        var service = await GcsClients.ConnectAsync(parsed, emulator, credential, cancellationToken).ConfigureAwait(false);
        var bucket = new GcsBucket(service, parsed);
        await new GcsPipeline(parsed, emulator, options.ForOpening(), time)
            .RunAsync("open its bucket", token => bucket.ListAsync("", null, null, most: 1, token), cancellationToken)
            .ConfigureAwait(false);
        return new GcsStore(bucket, emulator, options, time);
    }

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default)
    {
        var key = bucket.Key(name);
        return pipeline.RunAsync($"read '{name}'", token => bucket.TryReadAsync(key, token), cancellationToken);
    }

    public Task<string?> TryReadETagAsync(string name, CancellationToken cancellationToken = default)
    {
        var key = bucket.Key(name);
        return pipeline.RunAsync(
            $"look for '{name}'",
            async token => (await bucket.TryLookAsync(key, token).ConfigureAwait(false))?.Generation.ToString(CultureInfo.InvariantCulture),
            cancellationToken
        );
    }

    public Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default)
    {
        var key = bucket.Key(name);
        return ObjectReadStream.TryOpenAsync(
            pipeline,
            options,
            name,
            offset,
            length,
            (from, count, etag, token) => bucket.TryReadAsync(key, from, count, etag, token),
            cancellationToken
        );
    }

    public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        upload.TryPutAsync(name, content, ifGeneration: 0, cancellationToken);

    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        return upload.TryCreateAsync(name, content, cancellationToken);
    }

    public async Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(etag);
        ObjectNames.Check(name);
        return Generation(etag) is { } generation
            ? await upload.TryPutAsync(name, content, generation, cancellationToken).ConfigureAwait(false)
            : null;
    }

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        upload.TryPutAsync(name, content, ifGeneration: null, cancellationToken);

    public async Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default)
    {
        var key = bucket.Key(name);
        var expected = etag is null ? null : Generation(etag);
        return (etag is null || expected is not null)
            && await pipeline
                .RunAsync(
                    $"delete '{name}'",
                    async token =>
                    {
                        try
                        {
                            await bucket.DeleteAsync(key, expected, token).ConfigureAwait(false);
                            return true;
                        }
                        catch (GoogleApiException e) when (e.IsMissing() || e.IsConditionNotMet())
                        {
                            return false;
                        }
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
    }

    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        RemoteListing.EntriesAsync(
            prefix,
            PagesAsync(prefix, delimiter: null, cancellationToken),
            page =>
                (page.Items ?? []).Select(found => new ObjectEntry(
                    found.Name[bucket.Address.Prefix.Length..],
                    (long)(found.Size ?? 0),
                    found.UpdatedDateTimeOffset ?? DateTimeOffset.UnixEpoch
                ))
        );

    public IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        RemoteListing.FoldersAsync(
            prefix,
            PagesAsync(prefix, delimiter: "/", cancellationToken),
            page => page.Prefixes ?? [],
            bucket.Address.Prefix.Length + prefix.Length
        );

    private IAsyncEnumerable<Objects> PagesAsync(string prefix, string? delimiter, CancellationToken cancellationToken) =>
        RemoteListing.PagesAsync(
            pipeline,
            prefix,
            async (continuation, token) =>
            {
                var page = await bucket.ListAsync(prefix, delimiter, continuation, most: null, token).ConfigureAwait(false);
                return (page, page.NextPageToken);
            },
            cancellationToken
        );

    // Generations are positive: 0 would mean "where there is none". Null: no object's etag.
    private static long? Generation(string etag) =>
        long.TryParse(etag, NumberStyles.None, CultureInfo.InvariantCulture, out var generation) && generation > 0 ? generation : null;
}
