namespace Slowrun.Storage.Remote;

/// <summary>
/// Reads an object in blocks, several ahead of the reader. Each is fetched again by itself when its try fails, and all are of the object
/// that was opened.
/// </summary>
internal sealed class ObjectReadStream : Stream
{
    private readonly RemoteStoreOptions options;
    private readonly Func<long, int, CancellationToken, Task<ObjectChunk>> fetch;
    private readonly long end;
    private readonly Queue<Task<ObjectChunk>> ahead = new();
    private readonly CancellationTokenSource closed = new();
    private ObjectChunk chunk;
    private int chunkPosition;
    private long nextFetch;
    private long position;

    private ObjectReadStream(
        RemoteStoreOptions options,
        ObjectChunk first,
        long offset,
        long? length,
        Func<long, int, CancellationToken, Task<ObjectChunk>> fetch
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

    /// <summary>Opens an object by fetching its first block; null where there is none.</summary>
    /// <param name="read">A request for [offset, offset + count) of the object, cut at its end: of the etag that is named, if one is. Null
    /// where there is no such object.</param>
    public static async Task<Stream?> TryOpenAsync(
        StorePipeline pipeline,
        RemoteStoreOptions options,
        string name,
        long offset,
        long? length,
        ObjectRead read,
        CancellationToken cancellationToken
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var count = (int)Math.Clamp(length ?? long.MaxValue, 1, options.BlockBytes);
        var first = await pipeline
            .RunAsync($"read '{name}'", token => read(offset, count, null, token), cancellationToken)
            .ConfigureAwait(false);
        return first is null ? null : new ObjectReadStream(options, first, offset, length, FetchAsync);

        Task<ObjectChunk> FetchAsync(long from, int bytes, CancellationToken token) =>
            pipeline.RunAsync(
                $"read '{name}'",
                async each =>
                    await read(from, bytes, first.ETag, each).ConfigureAwait(false)
                    ?? throw new InvalidDataException($"'{name}' was replaced or deleted while it was being read."),
                token
            );
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        FetchAhead();
        if (chunkPosition == chunk.Length && ahead.Count > 0 && position < Length)
        {
            // The old buffer is returned only now: after a failed fetch it would be returned twice, and two readers would get it.
            // Taken from the queue only once it is here: a reader that gives up waiting, and reads again, would miss a block.
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
}

/// <summary>One request for a stretch of an object.</summary>
/// <param name="etag">What the object must still be; null: anything.</param>
internal delegate Task<ObjectChunk?> ObjectRead(long offset, int count, string? etag, CancellationToken token);
