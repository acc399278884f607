using System.Buffers;
using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Slowrun.Storage.Blobs;

/// <summary>A piece of a blob in a pooled buffer, with length and etag of the whole blob.</summary>
internal sealed record BlobChunk(byte[] Buffer, int Length, long TotalBytes, string ETag)
{
    private int returned;

    /// <exception cref="InvalidOperationException">It was returned before: two readers would get the same buffer.</exception>
    public void Return()
    {
        if (Interlocked.Exchange(ref returned, 1) != 0)
        {
            throw new InvalidOperationException("A chunk's buffer was given back twice.");
        }

        ArrayPool<byte>.Shared.Return(Buffer);
    }

    /// <summary>Reads [offset, offset + count) of a blob, cut at its end.</summary>
    /// <param name="etag">What the blob must still be; null: anything.</param>
    /// <exception cref="IOException">The body was shorter than announced.</exception>
    public static async Task<BlobChunk> ReadAsync(
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
            var answer = await blob.DownloadStreamingAsync(
                    new BlobDownloadOptions { Range = new HttpRange(offset, count), Conditions = conditions },
                    cancellationToken
                )
                .ConfigureAwait(false);
            await using var body = answer.Value.Content.ConfigureAwait(false);
            var total = long.Parse(answer.Value.Details.ContentRange.Split('/')[1], CultureInfo.InvariantCulture);
            var length = (int)Math.Min(count, total - offset);
            var buffer = ArrayPool<byte>.Shared.Rent(count);
            try
            {
                var read = await answer
                    .Value.Content.ReadAtLeastAsync(buffer.AsMemory(0, length), length, throwOnEndOfStream: false, cancellationToken)
                    .ConfigureAwait(false);
                return read == length
                    ? new BlobChunk(buffer, length, total, answer.Value.Details.ETag.ToString())
                    : throw new IOException($"Blob '{blob.Name}' broke off after {read} of {length} bytes");
            }
            catch
            {
                ArrayPool<byte>.Shared.Return(buffer);
                throw;
            }
        }
        catch (RequestFailedException e) when (e.Status == 416)
        {
            // Nothing there to read: an empty blob, or an offset at or beyond the end.
            var properties = (await blob.GetPropertiesAsync(conditions, cancellationToken).ConfigureAwait(false)).Value;
            return new BlobChunk(ArrayPool<byte>.Shared.Rent(1), 0, properties.ContentLength, properties.ETag.ToString());
        }
    }
}
