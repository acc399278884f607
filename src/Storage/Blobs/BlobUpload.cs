using System.Buffers;
using System.Security.Cryptography;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Slowrun.Storage.Blobs;

/// <summary>Writes blobs that do not exist yet: small ones in one request, large ones in blocks side by side, committed at the
/// end.</summary>
internal sealed class BlobUpload(BlobPipeline pipeline, BlobStoreOptions options)
{
    // The service compares it with what it received; CRC64 would be faster, but Azurite refuses it.
    private static readonly UploadTransferValidationOptions Md5 = new() { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 };

    /// <summary>Puts a blob in one request.</summary>
    /// <returns>Its etag; null where the conditions do not hold.</returns>
    public Task<string?> TryPutAsync(
        BlockBlobClient blob,
        ReadOnlyMemory<byte> content,
        BlobRequestConditions? conditions,
        CancellationToken cancellationToken
    ) =>
        pipeline.RunAsync(
            $"write '{blob.Name}'",
            async token =>
            {
                try
                {
                    using var body = new MemoryBlocksStream(content);
                    var answer = await blob.UploadAsync(
                            body,
                            new BlobUploadOptions { Conditions = conditions, TransferValidation = Md5 },
                            token
                        )
                        .ConfigureAwait(false);
                    return answer.Value.ETag.ToString();
                }
                catch (RequestFailedException e) when (conditions is not null && (e.IsAlreadyThere() || e.IsMissingBlob()))
                {
                    return null;
                }
            },
            cancellationToken
        );

    /// <summary>Creates a blob from a stream; false where there is one.</summary>
    public async Task<bool> TryCreateAsync(BlockBlobClient blob, Stream content, CancellationToken cancellationToken)
    {
        var conditions = new BlobRequestConditions { IfNoneMatch = ETag.All };
        var first = await ReadBlockAsync(content, cancellationToken).ConfigureAwait(false);
        if (first.Length < options.BlockBytes)
        {
            using (first)
            {
                return await TryPutAsync(blob, first.Content, conditions, cancellationToken).ConfigureAwait(false) is not null;
            }
        }

        if (await ExistsAsync(blob, cancellationToken).ConfigureAwait(false))
        {
            // Saves sending it all for nothing. Whether it exists is decided by the commit alone.
            first.Dispose();
            return false;
        }

        var ids = await StageAsync(blob, first, content, cancellationToken).ConfigureAwait(false);
        return await pipeline
            .RunAsync(
                $"commit '{blob.Name}'",
                async token =>
                {
                    try
                    {
                        await blob.CommitBlockListAsync(ids, new CommitBlockListOptions { Conditions = conditions }, token)
                            .ConfigureAwait(false);
                        return true;
                    }
                    catch (RequestFailedException e) when (e.IsAlreadyThere())
                    {
                        return false;
                    }
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private async Task<List<string>> StageAsync(BlockBlobClient blob, Block first, Stream content, CancellationToken cancellationToken)
    {
        // Blocks of two writers of one name lie side by side until one of them commits: ids must not meet.
        var prefix = RandomNumberGenerator.GetBytes(12);
        var ids = new List<string>();
        var staging = new List<Task>();
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            for (var block = first; block.Length > 0; block = await ReadBlockAsync(content, failed.Token).ConfigureAwait(false))
            {
                var id = Convert.ToBase64String([.. prefix, .. BitConverter.GetBytes(ids.Count)]);
                ids.Add(id);
                staging.Add(StageAsync(blob, id, block, failed.Token));
                if (staging.Count == options.BlocksAtOnce)
                {
                    var done = await Task.WhenAny(staging).ConfigureAwait(false);
                    staging.Remove(done);
                    await done.ConfigureAwait(false);
                }
            }

            await Task.WhenAll(staging).ConfigureAwait(false);
            return ids;
        }
        catch
        {
            // Nothing is committed, so nothing is there; but nothing may still be reading our buffers when this returns.
            await failed.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(staging)
                .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .ConfigureAwait(false);
            throw;
        }
    }

    private async Task StageAsync(BlockBlobClient blob, string id, Block block, CancellationToken cancellationToken)
    {
        using (block)
        {
            await pipeline
                .RunAsync(
                    $"write '{blob.Name}'",
                    async token =>
                    {
                        using var body = new MemoryBlocksStream(block.Content);
                        return await blob.StageBlockAsync(id, body, new BlockBlobStageBlockOptions { TransferValidation = Md5 }, token)
                            .ConfigureAwait(false);
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
    }

    private Task<bool> ExistsAsync(BlockBlobClient blob, CancellationToken cancellationToken) =>
        pipeline.RunAsync(
            $"look for '{blob.Name}'",
            async token => (await blob.ExistsAsync(token).ConfigureAwait(false)).Value,
            cancellationToken
        );

    private async Task<Block> ReadBlockAsync(Stream content, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(options.BlockBytes);
        try
        {
            var length = await content
                .ReadAtLeastAsync(buffer.AsMemory(0, options.BlockBytes), options.BlockBytes, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            return new Block(buffer, length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private sealed record Block(byte[] Buffer, int Length) : IDisposable
    {
        public ReadOnlyMemory<byte> Content => Buffer.AsMemory(0, Length);

        public void Dispose() => ArrayPool<byte>.Shared.Return(Buffer);
    }
}
