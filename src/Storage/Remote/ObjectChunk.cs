using System.Buffers;

namespace Slowrun.Storage.Remote;

/// <summary>A piece of an object in a pooled buffer, with length and etag of the whole object.</summary>
/// <param name="ETag">What a later request has to name to read of the same object.</param>
internal sealed record ObjectChunk(byte[] Buffer, int Length, long TotalBytes, string ETag)
{
    private int returned;

    /// <summary>Nothing there to read: an empty object, or an offset at or beyond its end.</summary>
    public static ObjectChunk Empty(long totalBytes, string etag) => new(ArrayPool<byte>.Shared.Rent(1), 0, totalBytes, etag);

    /// <summary>Reads the body of an answer that holds [offset, offset + count) of an object, cut at its end.</summary>
    /// <param name="name">For the message.</param>
    /// <exception cref="IOException">The body was shorter than announced.</exception>
    public static async Task<ObjectChunk> ReadAsync(
        Stream body,
        string name,
        long offset,
        int count,
        long totalBytes,
        string etag,
        CancellationToken cancellationToken
    )
    {
        var length = (int)Math.Min(count, totalBytes - offset);
        var buffer = ArrayPool<byte>.Shared.Rent(count);
        try
        {
            var read = await body.ReadAtLeastAsync(buffer.AsMemory(0, length), length, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            return read == length ? new ObjectChunk(buffer, length, totalBytes, etag) : throw BrokenOff(name, read, length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <exception cref="InvalidOperationException">It was returned before: two readers would get the same buffer.</exception>
    public void Return()
    {
        if (Interlocked.Exchange(ref returned, 1) != 0)
        {
            throw new InvalidOperationException("A chunk's buffer was given back twice.");
        }

        ArrayPool<byte>.Shared.Return(Buffer);
    }

    /// <summary>What a body that is shorter than announced is told as; another try may get it whole.</summary>
    public static IOException BrokenOff(string name, long read, long length) => new($"'{name}' broke off after {read} of {length} bytes");
}
