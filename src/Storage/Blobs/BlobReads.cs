using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Blobs;

/// <summary>Reads stretches of blobs.</summary>
internal static class BlobReads
{
    /// <summary>Reads [offset, offset + count) of a blob, cut at its end, in one request. Null where there is no such blob, or no longer
    /// that one.</summary>
    /// <param name="etag">What the blob must still be; null: anything.</param>
    /// <exception cref="IOException">The body was shorter than announced.</exception>
    public static async Task<ObjectChunk?> TryReadAsync(
        BlockBlobClient blob,
        long offset,
        int count,
        string? etag,
        CancellationToken cancellationToken
    )
    {
        var conditions = new BlobRequestConditions { IfMatch = etag is null ? null : new ETag(etag) };
        try
        {
            return await BlobErrors.UnlessGoneAsync(ReadAsync, conditions).ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (e.Status == 416)
        {
            // Nothing there to read: an empty blob, or an offset at or beyond the end.
            return await BlobErrors.UnlessGoneAsync(LookAsync, conditions).ConfigureAwait(false);
        }

        async Task<ObjectChunk> ReadAsync()
        {
            var answer = await blob.DownloadStreamingAsync(
                    new BlobDownloadOptions { Range = new HttpRange(offset, count), Conditions = conditions },
                    cancellationToken
                )
                .ConfigureAwait(false);
            var details = answer.Value.Details;
            await using var body = answer.Value.Content.ConfigureAwait(false);
            var total = long.Parse(details.ContentRange.Split('/')[1], CultureInfo.InvariantCulture);
            return await ObjectChunk
                .ReadAsync(answer.Value.Content, blob.Name, offset, count, total, details.ETag.ToString(), cancellationToken)
                .ConfigureAwait(false);
        }

        async Task<ObjectChunk> LookAsync()
        {
            var properties = (await blob.GetPropertiesAsync(conditions, cancellationToken).ConfigureAwait(false)).Value;
            return ObjectChunk.Empty(properties.ContentLength, properties.ETag.ToString());
        }
    }
}
