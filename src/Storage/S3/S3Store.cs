using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.S3;

/// <summary>A store in a bucket of S3, or of a server that speaks its protocol: for any number of machines.</summary>
public sealed class S3Store : IObjectStore
{
    private readonly S3Bucket bucket;
    private readonly RemoteStoreOptions options;
    private readonly S3Pipeline pipeline;
    private readonly S3Upload upload;

    private S3Store(S3Bucket bucket, RemoteStoreOptions options, TimeProvider time)
    {
        (this.bucket, this.options) = (bucket, options);
        pipeline = new S3Pipeline(bucket.Address, options, time);
        upload = new S3Upload(bucket, pipeline, options);
    }

    public string Address => bucket.Address.ToString();

    public bool IsRemote => true;

    /// <param name="address"><c>s3://BUCKET/PREFIX?endpoint=URL&amp;region=REGION</c>.</param>
    /// <param name="create">Makes the bucket if it is not there; otherwise that is an error.</param>
    /// <param name="credentials">Null: those of the SDK's default chain.</param>
    /// <exception cref="StoreException">The message says what is wrong and what to do, and no secret.</exception>
    public static async Task<S3Store> OpenAsync(
        string address,
        bool create,
        AWSCredentials? credentials = null,
        RemoteStoreOptions? options = null,
        TimeProvider? time = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(address);
        var parsed = S3Address.Parse(address);
        options ??= new RemoteStoreOptions();
        time ??= TimeProvider.System;
        var bucket = new S3Bucket(parsed.Connect(credentials, options.EachTry), parsed);
        var opening = new S3Pipeline(parsed, options.ForOpening(), time);
        await OpenBucketAsync(opening, bucket, create, cancellationToken).ConfigureAwait(false);
        if (create)
        {
            // A client that may create a store is about to write to it. Readers need no permission to write.
            await S3Conditions.CheckAsync(bucket, opening, cancellationToken).ConfigureAwait(false);
        }

        return new S3Store(bucket, options, time);
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
            async token => (await bucket.TryLookAsync(key, token).ConfigureAwait(false))?.Version.ToString(),
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
        upload.TryPutAsync(name, content, onlyNew: true, null, cancellationToken);

    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        return upload.TryCreateAsync(name, content, cancellationToken);
    }

    public Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(etag);
        return upload.TryPutAsync(name, content, onlyNew: false, S3Version.Parse(etag), cancellationToken);
    }

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        upload.TryPutAsync(name, content, onlyNew: false, null, cancellationToken);

    public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default)
    {
        var key = bucket.Key(name);
        var expected = etag is null ? (S3Version?)null : S3Version.Parse(etag);
        return pipeline.RunAsync(
            $"delete '{name}'",
            async token =>
            {
                // S3 deletes what is not there without a word.
                if (
                    await bucket.TryLookAsync(key, token).ConfigureAwait(false) is not { } found
                    || (expected is { } version && found.Version != version)
                )
                {
                    return false;
                }

                try
                {
                    await bucket.DeleteAsync(key, expected?.ETag, token).ConfigureAwait(false);
                    return true;
                }
                catch (AmazonS3Exception e) when (e.IsConditionNotMet() || e.IsMissing())
                {
                    return false;
                }
            },
            cancellationToken
        );
    }

    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        RemoteListing.EntriesAsync(
            prefix,
            PagesAsync(prefix, delimiter: null, cancellationToken),
            page =>
                (page.S3Objects ?? []).Select(found => new ObjectEntry(
                    found.Key[bucket.Address.Prefix.Length..],
                    found.Size ?? 0,
                    S3Bucket.Time(found.LastModified)
                ))
        );

    public IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        RemoteListing.FoldersAsync(
            prefix,
            PagesAsync(prefix, delimiter: "/", cancellationToken),
            page => page.CommonPrefixes ?? [],
            bucket.Address.Prefix.Length + prefix.Length
        );

    private IAsyncEnumerable<ListObjectsV2Response> PagesAsync(string prefix, string? delimiter, CancellationToken cancellationToken) =>
        RemoteListing.PagesAsync(
            pipeline,
            prefix,
            async (continuation, token) =>
            {
                var page = await bucket
                    .Client.ListObjectsV2Async(
                        new ListObjectsV2Request
                        {
                            BucketName = bucket.Name,
                            Prefix = bucket.Address.Prefix + prefix,
                            Delimiter = delimiter,
                            ContinuationToken = continuation,
                        },
                        token
                    )
                    .ConfigureAwait(false);
                return (page, page.IsTruncated == true ? page.NextContinuationToken : null);
            },
            cancellationToken
        );

    private static Task<bool> OpenBucketAsync(S3Pipeline pipeline, S3Bucket bucket, bool create, CancellationToken cancellationToken) =>
        pipeline.RunAsync(
            "open its bucket",
            async token =>
            {
                try
                {
                    // Looked for first: an identity that may use a bucket need not be allowed to create one.
                    await bucket
                        .Client.ListObjectsV2Async(
                            new ListObjectsV2Request
                            {
                                BucketName = bucket.Name,
                                Prefix = bucket.Address.Prefix,
                                MaxKeys = 1,
                            },
                            token
                        )
                        .ConfigureAwait(false);
                }
                catch (AmazonS3Exception e) when (create && e.ErrorCode == "NoSuchBucket")
                {
                    try
                    {
                        await bucket
                            .Client.PutBucketAsync(new PutBucketRequest { BucketName = bucket.Name, UseClientRegion = true }, token)
                            .ConfigureAwait(false);
                    }
                    catch (AmazonS3Exception made) when (made.ErrorCode == "BucketAlreadyOwnedByYou")
                    {
                        // By another process, at the same moment.
                    }
                }

                return true;
            },
            cancellationToken
        );
}
