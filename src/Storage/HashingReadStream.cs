namespace Slowrun.Storage;

/// <summary>Hashes what is read through it, while it is still warm in the cache. Forward only; owns the inner stream.</summary>
public sealed class HashingReadStream : Stream
{
    // About a core's second-level cache: a larger piece would leave it before it is hashed.
    private const int PieceBytes = 1 << 20;

    private readonly Stream inner;
    private readonly Action<ReadOnlySpan<byte>>? append;
    private readonly Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask>? appendLater;

    public HashingReadStream(Stream inner, Action<ReadOnlySpan<byte>> append)
    {
        (this.inner, this.append) = (inner, append);
    }

    /// <summary>For asynchronous reads into memory that stays as it was read until it is hashed, perhaps later and on another
    /// thread.</summary>
    internal HashingReadStream(Stream inner, BackgroundHash hash)
    {
        (this.inner, appendLater) = (inner, hash.AppendAsync);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (append is null)
        {
            throw new NotSupportedException("Memory of an unknown life cannot be hashed later: read asynchronously.");
        }

        var read = inner.Read(buffer[..Math.Min(buffer.Length, PieceBytes)]);
        append(buffer[..read]);
        return read;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, PieceBytes)], cancellationToken).ConfigureAwait(false);
        if (appendLater is not null)
        {
            await appendLater(buffer[..read], cancellationToken).ConfigureAwait(false);
        }

        append?.Invoke(buffer.Span[..read]);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void Flush() { }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
