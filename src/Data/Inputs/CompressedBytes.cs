namespace Slowrun.Data.Inputs;

/// <summary>A compressed file's bytes, of which the last ones given to a decompressor can be looked at again.</summary>
internal sealed class CompressedBytes(Stream file) : ForwardStream
{
    private readonly byte[] buffer = new byte[1 << 17];
    private int next;
    private int filled;
    private long before;
    private int singly;
    private int given;

    /// <summary>Of the next byte, in the file.</summary>
    public long BytePosition => before + next;

    public bool IsAtEnd => !Has(1);

    /// <summary>So many bytes are given one a call.</summary>
    public void GiveSingly(int count) => (singly, given) = (count, 0);

    public int Peek() => Has(1) ? buffer[next] : -1;

    /// <returns>Null where there are fewer.</returns>
    public byte[]? Take(int count)
    {
        if (!Has(count))
        {
            return null;
        }

        next += count;
        return buffer[(next - count)..next];
    }

    /// <returns>Whether the text had an end.</returns>
    public bool SkipText()
    {
        while (Has(1))
        {
            if (buffer[next++] == 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <returns>Whether nothing but zeros was left.</returns>
    public bool SkipZeros()
    {
        while (Has(1))
        {
            if (buffer[next] != 0)
            {
                return false;
            }

            next++;
        }

        return true;
    }

    public override int Read(Span<byte> into)
    {
        var wanted = Math.Min(into.Length, singly > 0 ? 1 : into.Length);
        given = Has(1) ? Math.Min(wanted, filled - next) : 0;
        singly = Math.Max(0, singly - given);
        buffer.AsSpan(next, given).CopyTo(into);
        next += given;
        return given;
    }

    /// <summary>Goes to what follows <paramref name="mark"/>, which begins within the bytes given last, or right behind them.</summary>
    public bool GoBehind(ReadOnlySpan<byte> mark)
    {
        // The last bytes given stay in the buffer while more are read.
        next -= given;
        Has(given + mark.Length);
        var within = buffer.AsSpan(next, Math.Min(filled - next, given + mark.Length));
        var at = within.Length == 0 ? -1 : within[1..].IndexOf(mark);
        next += at < 0 ? Math.Min(given, within.Length) : 1 + at + mark.Length;
        given = 0;
        return at >= 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Has(int count)
    {
        if (filled - next < count)
        {
            buffer.AsSpan(next, filled - next).CopyTo(buffer);
            (before, filled, next) = (before + next, filled - next, 0);
            filled += file.ReadAtLeast(buffer.AsSpan(filled), count - filled, throwOnEndOfStream: false);
        }

        return filled - next >= count;
    }
}
