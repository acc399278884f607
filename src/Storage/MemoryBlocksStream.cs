namespace Slowrun.Storage;

/// <summary>Pieces of memory read one after the other, without a copy of them: what is uploaded can be read again for a retry.</summary>
internal sealed class MemoryBlocksStream : Stream
{
    private readonly IReadOnlyList<ReadOnlyMemory<byte>> blocks;
    private readonly long[] starts;
    private long position;

    public MemoryBlocksStream(params IReadOnlyList<ReadOnlyMemory<byte>> blocks)
    {
        this.blocks = [.. blocks.Where(block => block.Length > 0)];
        starts = new long[this.blocks.Count];
        for (var i = 0; i < starts.Length; i++)
        {
            starts[i] = Length;
            Length += this.blocks[i].Length;
        }
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length { get; }

    public override long Position
    {
        get => position;
        set => position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A position is at least 0.");
    }

    public override int Read(Span<byte> buffer)
    {
        var total = 0;
        while (position < Length && !buffer.IsEmpty)
        {
            var index = Array.BinarySearch(starts, position);
            index = index < 0 ? ~index - 1 : index;
            var rest = blocks[index].Span[(int)(position - starts[index])..];
            var count = Math.Min(rest.Length, buffer.Length);
            rest[..count].CopyTo(buffer);
            buffer = buffer[count..];
            position += count;
            total += count;
        }

        return total;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<int>(cancellationToken)
            : ValueTask.FromResult(Read(buffer.Span));

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
}
