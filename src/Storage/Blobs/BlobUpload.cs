using System.Security.Cryptography;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Blobs;

/// <summary>Writes blobs that do not exist yet: small ones in one request, large ones in blocks side by side, committed at the
/// end.</summary>
internal sealed class BlobUpload(BlobPipeline pipeline, RemoteStoreOptions options)
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
    public Task<bool> TryCreateAsync(BlockBlobClient blob, Stream content, CancellationToken cancellationToken)
    {
        var conditions = new BlobRequestConditions { IfNoneMatch = ETag.All };
        return StreamUpload.TryCreateAsync(
            content,
            options,
            async small => await TryPutAsync(blob, small, conditions, cancellationToken).ConfigureAwait(false) is not null,
            () => ExistsAsync(blob, cancellationToken),
            async first =>
            {
                var ids = await StageAsync(blob, first, content, cancellationToken).ConfigureAwait(false);
                return await CommitAsync(blob, ids, conditions, cancellationToken).ConfigureAwait(false);
            },
            cancellationToken
        );
    }

    private Task<bool> CommitAsync(
        BlockBlobClient blob,
        IReadOnlyList<string> ids,
        BlobRequestConditions conditions,
        CancellationToken cancellationToken
    ) =>
        pipeline.RunAsync(
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
        );

    private async Task<IReadOnlyList<string>> StageAsync(
        BlockBlobClient blob,
        UploadBlock first,
        Stream content,
        CancellationToken cancellationToken
    )
    {
        // Blocks of two writers of one name lie side by side until one of them commits: ids must not meet.
        var prefix = RandomNumberGenerator.GetBytes(12);
        return await UploadBlock
            .SendAllAsync(
                first,
                content,
                options,
                async (index, block, token) =>
                {
                    var id = Convert.ToBase64String([.. prefix, .. BitConverter.GetBytes(index)]);
                    await StageAsync(blob, id, block, token).ConfigureAwait(false);
                    return id;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private Task StageAsync(BlockBlobClient blob, string id, UploadBlock block, CancellationToken cancellationToken) =>
        pipeline.RunAsync(
            $"write '{blob.Name}'",
            async token =>
            {
                using var body = new MemoryBlocksStream(block.Content);
                return await blob.StageBlockAsync(id, body, new BlockBlobStageBlockOptions { TransferValidation = Md5 }, token)
                    .ConfigureAwait(false);
            },
            cancellationToken
        );

    private Task<bool> ExistsAsync(BlockBlobClient blob, CancellationToken cancellationToken) =>
        pipeline.RunAsync(
            $"look for '{blob.Name}'",
            async token => (await blob.ExistsAsync(token).ConfigureAwait(false)).Value,
            cancellationToken
        );
}
