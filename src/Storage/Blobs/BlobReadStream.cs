using Azure;
using Azure.Storage.Blobs.Specialized;

namespace Slowrun.Storage.Blobs;

/// <summary>
/// Reads a blob, or an object of another store, in blocks, several ahead of the reader. Each is fetched again by itself when its try fails,
/// and all are of the blob that was opened.
/// </summary>
internal sealed class BlobReadStream : Stream
{
    private readonly BlobStoreOptions options;
    private readonly Func<long, int, CancellationToken, Task<BlobChunk>> fetch;
    private readonly long end;
    private readonly Queue<Task<BlobChunk>> ahead = new();
    private readonly CancellationTokenSource closed = new();
    private BlobChunk chunk;
    private int chunkPosition;
    private long nextFetch;
    private long position;

    /// <param name="first">From <paramref name="offset"/> on.</param>
    /// <param name="fetch">Fetches so many bytes from an offset on, of the object that <paramref name="first"/> is of.</param>
    public BlobReadStream(
        BlobStoreOptions options,
        BlobChunk first,
        long offset,
        long? length,
        Func<long, int, CancellationToken, Task<BlobChunk>> fetch
    )
    {
        (this.options, chunk, this.fetch) = (options, first, fetch);
        Length = Math.Clamp(first.TotalBytes - offset, 0, length ?? long.MaxValue);
        end = offset + Length;
        nextFetch = offset + first.Length;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => position;
        set => throw new NotSupportedException();
    }

    /// <summary>Opens a blob by fetching its first block; null where there is none.</summary>
    public static async Task<BlobReadStream?> TryOpenAsync(
        BlobPipeline pipeline,
        BlobStoreOptions options,
        BlockBlobClient blob,
        long offset,
        long? length,
        CancellationToken cancellationToken
    )
    {
        var first = await pipeline
            .RunAsync<BlobChunk?>(
                $"read '{blob.Name}'",
                async token =>
                {
                    try
                    {
                        return await BlobChunk
                            .ReadAsync(blob, offset, (int)Math.Clamp(length ?? long.MaxValue, 1, options.BlockBytes), null, token)
                            .ConfigureAwait(false);
                    }
                    catch (RequestFailedException e) when (e.IsMissingBlob())
                    {
                        return null;
                    }
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        return first is null
            ? null
            : new BlobReadStream(
                options,
                first,
                offset,
                length,
                (from, bytes, token) => FetchAsync(pipeline, blob, from, bytes, first.ETag, token)
            );
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        FetchAhead();
        if (chunkPosition == chunk.Length && ahead.Count > 0 && position < Length)
        {
            // The old buffer is returned only now: after a failed fetch it would be returned twice, and two readers would get it.
            // Taken from the queue only once it is here: whoever gives up waiting, and reads again, would miss a block.
            var next = await ahead.Peek().WaitAsync(cancellationToken).ConfigureAwait(false);
            _ = ahead.Dequeue();
            chunk.Return();
            chunk = next;
            chunkPosition = 0;
            FetchAhead();
        }

        // A first block that was fetched for a shorter length may hold more than was asked for.
        var count = (int)Math.Min(Math.Min(buffer.Length, chunk.Length - chunkPosition), Length - position);
        chunk.Buffer.AsSpan(chunkPosition, count).CopyTo(buffer.Span);
        chunkPosition += count;
        position += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void Flush() { }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !closed.IsCancellationRequested)
        {
            // Buffers of fetches under way are left to the garbage collector: such a fetch may still write to its buffer.
            closed.Cancel();
            while (ahead.TryDequeue(out var fetch))
            {
                fetch.ContinueWith(
                    failed => _ = failed.Exception,
                    CancellationToken.None,
                    TaskContinuationOptions.OnlyOnFaulted,
                    TaskScheduler.Default
                );
            }

            closed.Dispose();
            chunk.Return();
        }

        base.Dispose(disposing);
    }

    private void FetchAhead()
    {
        while (ahead.Count < options.BlocksAtOnce && nextFetch < end)
        {
            var (offset, count) = (nextFetch, (int)Math.Min(options.BlockBytes, end - nextFetch));
            ahead.Enqueue(fetch(offset, count, closed.Token));
            nextFetch += count;
        }
    }

    private static Task<BlobChunk> FetchAsync(
        BlobPipeline pipeline,
        BlockBlobClient blob,
        long offset,
        int count,
        string etag,
        CancellationToken cancellationToken
    ) =>
        pipeline.RunAsync(
            $"read '{blob.Name}'",
            async token =>
            {
                try
                {
                    return await BlobChunk.ReadAsync(blob, offset, count, etag, token).ConfigureAwait(false);
                }
                catch (RequestFailedException e) when (e.IsMissingBlob() || e.IsConditionNotMet())
                {
                    throw new InvalidDataException($"'{blob.Name}' was replaced or deleted while it was being read.", e);
                }
            },
            cancellationToken
        );
}
