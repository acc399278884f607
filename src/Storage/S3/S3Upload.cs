using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.S3;

/// <summary>Writes objects: small ones in one request, large ones in parts side by side, completed at the end under a condition.</summary>
internal sealed class S3Upload(S3Bucket bucket, S3Pipeline pipeline, RemoteStoreOptions options)
{
    // An upload that is not aborted is not listed, but paid for.
    private static readonly TimeSpan AbortWithin = TimeSpan.FromSeconds(10);

    /// <summary>Puts an object in one request.</summary>
    /// <param name="onlyNew">Only where there is none of that name.</param>
    /// <param name="expected">Only where it is of that write; null: of whichever.</param>
    /// <returns>Its version; null where the condition does not hold.</returns>
    public Task<string?> TryPutAsync(
        string name,
        ReadOnlyMemory<byte> content,
        bool onlyNew,
        S3Version? expected,
        CancellationToken cancellationToken
    )
    {
        var key = bucket.Key(name);
        var write = WriteId.New();
        return pipeline.RunAsync(
            $"write '{name}'",
            async token =>
            {
                // The etag alone does not tell an object that was replaced by equal bytes.
                if (
                    expected is { } version
                    && await bucket.TryLookAsync(key, token).ConfigureAwait(false) is var found
                    && found?.Version != version
                )
                {
                    return OwnOrNull(found?.Version, write);
                }

                try
                {
                    return (await bucket.PutAsync(key, content, write, onlyNew, expected?.ETag, token).ConfigureAwait(false)).ToString();
                }
                catch (AmazonS3Exception e) when (e.IsConditionNotMet() || (expected is not null && e.IsMissing()))
                {
                    // Perhaps by a try of ours whose answer was lost.
                    return OwnOrNull((await bucket.TryLookAsync(key, token).ConfigureAwait(false))?.Version, write);
                }
            },
            cancellationToken
        );
    }

    /// <summary>Creates an object from a stream; false where there is one.</summary>
    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        var key = bucket.Key(name);
        return StreamUpload.TryCreateAsync(
            content,
            options,
            async small => await TryPutAsync(name, small, onlyNew: true, null, cancellationToken).ConfigureAwait(false) is not null,
            async () => await LookAsync(name, key, cancellationToken).ConfigureAwait(false) is not null,
            first => SendAsync(name, key, first, content, cancellationToken),
            cancellationToken
        );
    }

    private async Task<bool> SendAsync(string name, string key, UploadBlock first, Stream content, CancellationToken cancellationToken)
    {
        var write = WriteId.New();
        var upload = await BeginAsync(name, key, write, cancellationToken).ConfigureAwait(false);
        var completed = false;
        try
        {
            var parts = await UploadBlock
                .SendAllAsync(
                    first,
                    content,
                    options,
                    (index, block, token) => PartAsync(name, key, upload, index, block, token),
                    cancellationToken
                )
                .ConfigureAwait(false);
            return completed = await CompleteAsync(name, key, upload, write, [.. parts], cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (!completed)
            {
                await AbortAsync(key, upload).ConfigureAwait(false);
            }
        }
    }

    private Task<string> BeginAsync(string name, string key, string write, CancellationToken cancellationToken) =>
        pipeline.RunAsync(
            $"write '{name}'",
            async token =>
            {
                var request = new InitiateMultipartUploadRequest { BucketName = bucket.Name, Key = key };
                request.Metadata.Add(WriteId.Key, write);
                return (await bucket.Client.InitiateMultipartUploadAsync(request, token).ConfigureAwait(false)).UploadId;
            },
            cancellationToken
        );

    private Task<PartETag> PartAsync(
        string name,
        string key,
        string upload,
        int index,
        UploadBlock block,
        CancellationToken cancellationToken
    ) =>
        pipeline.RunAsync(
            $"write '{name}'",
            async token =>
            {
                using var body = new MemoryBlocksStream(block.Content);
                var answer = await bucket
                    .Client.UploadPartAsync(
                        new UploadPartRequest
                        {
                            BucketName = bucket.Name,
                            Key = key,
                            UploadId = upload,
                            PartNumber = index + 1,
                            PartSize = block.Length,
                            InputStream = body,
                            UseChunkEncoding = false,
                        },
                        token
                    )
                    .ConfigureAwait(false);
                return new PartETag(index + 1, answer.ETag);
            },
            cancellationToken
        );

    private Task<bool> CompleteAsync(
        string name,
        string key,
        string upload,
        string write,
        List<PartETag> parts,
        CancellationToken cancellationToken
    ) =>
        pipeline.RunAsync(
            $"commit '{name}'",
            async token =>
            {
                try
                {
                    await bucket
                        .Client.CompleteMultipartUploadAsync(
                            new CompleteMultipartUploadRequest
                            {
                                BucketName = bucket.Name,
                                Key = key,
                                UploadId = upload,
                                PartETags = parts,
                                IfNoneMatch = "*",
                            },
                            token
                        )
                        .ConfigureAwait(false);
                    return true;
                }
                catch (AmazonS3Exception e) when (e.IsConditionNotMet() || e.IsConflict() || e.ErrorCode == "NoSuchUpload")
                {
                    // Completed by a try of ours whose answer was lost, or there is another's. After a conflict S3 wants the parts again,
                    // which are gone with the stream.
                    return await bucket.TryLookAsync(key, token).ConfigureAwait(false) is { } found
                        ? found.Version.Write == write
                        : throw new StoreException(
                            StoreProblem.Unreachable,
                            $"The store '{bucket.Address}' did not commit '{name}': {S3Errors.Short(e)}, and there is none of that "
                                + "name. Another writer of it came in between; the upload has to be made again.",
                            e
                        );
                }
            },
            cancellationToken
        );

    private Task<(S3Version Version, long Length)?> LookAsync(string name, string key, CancellationToken cancellationToken) =>
        pipeline.RunAsync($"look for '{name}'", token => bucket.TryLookAsync(key, token), cancellationToken);

    /// <summary>Without it the parts stay, unlisted, until a rule of the bucket removes them.</summary>
    private async Task AbortAsync(string key, string upload)
    {
        using var limit = new CancellationTokenSource(AbortWithin);
        try
        {
            await bucket
                .Client.AbortMultipartUploadAsync(
                    new AbortMultipartUploadRequest
                    {
                        BucketName = bucket.Name,
                        Key = key,
                        UploadId = upload,
                    },
                    limit.Token
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is AmazonClientException or HttpRequestException or IOException or OperationCanceledException)
        {
            // The failure that led here is the one to tell.
        }
    }

    private static string? OwnOrNull(S3Version? found, string write) =>
        found is { } version && version.Write == write ? version.ToString() : null;
}
