namespace Slowrun.Data.Inputs;

/// <summary>A stream whose first bytes have been looked at.</summary>
internal sealed class PeekedStream : ForwardStream
{
    private readonly Stream inner;
    private int given;

    public PeekedStream(Stream inner, int count)
    {
        this.inner = inner;
        var front = new byte[count];
        Front = front[..inner.ReadAtLeast(front, count, throwOnEndOfStream: false)];
    }

    public byte[] Front { get; }

    public override int Read(Span<byte> buffer)
    {
        if (given == Front.Length)
        {
            return inner.Read(buffer);
        }

        var count = Math.Min(buffer.Length, Front.Length - given);
        Front.AsSpan(given, count).CopyTo(buffer);
        given += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
