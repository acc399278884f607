using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Slowrun.Storage;

namespace Slowrun.Clustering.Persistence;

/// <summary>
/// One document of the store as the SDK's client: what the provider uploads is sealed, what it downloads is unsealed by its serializer. A
/// condition that does not hold is the SDK's 412, an absent document its 404; all other failures are the store's exceptions.
/// </summary>
internal sealed class GrainBlob(GrainBlobs blobs, IObjectStore store, string name) : BlobClient
{
    public override string Name => name;

    public override string BlobContainerName => blobs.Container;

    public override async Task<Response<BlobDownloadStreamingResult>> DownloadStreamingAsync(
        BlobDownloadOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        if (await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false) is not { } found)
        {
            blobs.Settled(name);
            throw new RequestFailedException(404, $"There is no '{name}' in {store.Address}.", BlobErrorCode.BlobNotFound.ToString(), null);
        }

        var content = GrainBlobs.Named(name, found);
        var details = BlobsModelFactory.BlobDownloadDetails(
            contentLength: content.Length,
            eTag: new ETag(found.ETag),
            lastModified: found.ModifiedAt
        );
        return Answer(BlobsModelFactory.BlobDownloadStreamingResult(new MemoryStream(content), details));
    }

    public override async Task<Response<BlobContentInfo>> UploadAsync(
        BinaryData content,
        BlobUploadOptions options,
        CancellationToken cancellationToken = default
    )
    {
        // Otherwise a write that waited behind a hanging one would send the state as it is by now.
        cancellationToken.ThrowIfCancellationRequested();
        var bytes = SealedJson.Seal(name, content.ToArray());
        var expected = blobs.DamagedEtag(name) ?? Expected(options.Conditions);
        var etag = expected is null
            ? await store.TryCreateAsync(name, bytes, cancellationToken).ConfigureAwait(false)
            : await store.TryReplaceAsync(name, bytes, expected, cancellationToken).ConfigureAwait(false);
        if (etag is null)
        {
            var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
            etag = OwnWrite.Is(found, bytes) ? found.ETag : throw Changed(expected, found?.ETag);
        }

        blobs.Settled(name);
        return Answer(BlobsModelFactory.BlobContentInfo(new ETag(etag), default, null, null, null, null, 0));
    }

    public override async Task<Response<bool>> DeleteIfExistsAsync(
        DeleteSnapshotsOption snapshotsOption = DeleteSnapshotsOption.None,
        BlobRequestConditions? conditions = null,
        CancellationToken cancellationToken = default
    )
    {
        var expected = Expected(conditions);
        if (expected is not null && await store.TryDeleteAsync(name, expected, cancellationToken).ConfigureAwait(false))
        {
            return Answer(true);
        }

        // The document is gone, as intended: perhaps deleted by this call, whose first answer was lost.
        return await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false) is { } found
            ? throw Changed(expected, found.ETag)
            : Answer(false);
    }

    /// <summary>The etag that the blob must have; null: there must be none.</summary>
    /// <exception cref="NotSupportedException">A write without a condition, which would know no fence.</exception>
    private string? Expected(BlobRequestConditions? conditions) =>
        conditions switch
        {
            { IfMatch: { } etag } => etag.ToString(),
            { IfNoneMatch: { } none } when none == ETag.All => null,
            _ => throw new NotSupportedException(
                $"Microsoft's grain storage would write '{name}' whatever is there. Use the version of the package that Directory.Packages.props names."
            ),
        };

    private RequestFailedException Changed(string? expected, string? found) =>
        new(412, OwnWrite.Conflict(store, name, expected, found), BlobErrorCode.ConditionNotMet.ToString(), null);

    // The HTTP answer is not used: there may have been several.
    private static Response<T> Answer<T>(T value) => Response.FromValue(value, null!);
}
