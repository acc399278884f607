namespace Slowrun.Storage;

/// <summary>A stretch of a seekable stream, which it owns: reads from a start for a length, both cut to what is there.</summary>
internal sealed class SliceStream : Stream
{
    private readonly Stream inner;
    private readonly long start;

    private SliceStream(Stream inner, long start, long length) => (this.inner, this.start, Length) = (inner, start, length);

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => inner.Position - start;
        set => inner.Position = start + value;
    }

    public static Stream Of(Stream inner, long offset, long? length)
    {
        var start = Math.Min(offset, inner.Length);
        inner.Position = start;
        return start == 0 && length is null
            ? inner
            : new SliceStream(inner, start, Math.Min(length ?? long.MaxValue, inner.Length - start));
    }

    public override int Read(Span<byte> buffer) => inner.Read(buffer[..Cut(buffer.Length)]);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(buffer[..Cut(buffer.Length)], cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) =>
        Position =
            offset
            + origin switch
            {
                SeekOrigin.Current => Position,
                SeekOrigin.End => Length,
                _ => 0,
            };

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

    private int Cut(int count) => (int)Math.Clamp(Length - Position, 0, count);
}
