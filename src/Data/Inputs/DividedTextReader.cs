namespace Slowrun.Data.Inputs;

/// <summary>A text file of many documents, which lines, empty lines or separators part. Empty documents are passed over.</summary>
internal sealed class DividedTextReader(string path, TextDivision division)
{
    private readonly List<RawPiece> pieces = [];
    private bool open;
    private bool bad;
    private long line = 1;
    private long offset;

    public IEnumerable<RawPiece> Read(Stream content)
    {
        var buffer = new byte[2 * TextPieces.Bytes];
        var filled = 0;
        for (var ended = false; !ended; )
        {
            filled += content.ReadAtLeast(buffer.AsSpan(filled), buffer.Length - filled, throwOnEndOfStream: false);
            ended = filled < buffer.Length;
            var at = offset == 0 && buffer.AsSpan(0, filled).StartsWith("\uFEFF"u8) ? Without(3) : 0;
            for (var more = true; more; )
            {
                var (begin, end) = division.Find(buffer.AsSpan(at, filled - at), ended);
                more = begin >= 0;
                if (more)
                {
                    Add(buffer.AsSpan(at, begin), isLast: true);
                    Leave(LeftOutReason.Separator, buffer.AsSpan(at + begin, end - begin));
                    at += end;
                }
                else if (ended)
                {
                    Add(buffer.AsSpan(at, filled - at), isLast: true);
                    at = filled;
                }

                foreach (var piece in pieces)
                {
                    yield return piece;
                }

                pieces.Clear();
            }

            if (at == 0 && !ended)
            {
                // A document that fills the buffer: as much of it as can be tokenized alone.
                at = TextPieces.FirstCut(buffer.AsSpan(0, filled - division.SeparatorBytes), filled / 2);
                if (at < 0 && buffer.Length < PlainTextReader.LongestPieceBytes)
                {
                    at = 0;
                    Array.Resize(ref buffer, 2 * buffer.Length);
                    continue;
                }

                if (at < 0)
                {
                    at = filled - division.SeparatorBytes;
                    if (!bad)
                    {
                        Refuse(PlainTextReader.WithoutSpace(path, line), 0);
                    }
                }

                Add(buffer.AsSpan(0, at), isLast: false);
                foreach (var piece in pieces)
                {
                    yield return piece;
                }

                pieces.Clear();
            }

            filled -= at;
            buffer.AsSpan(at, filled).CopyTo(buffer);
        }
    }

    /// <param name="isLast">Whether a document ends here.</param>
    private void Add(ReadOnlySpan<byte> text, bool isLast)
    {
        var front = open ? 0 : text.Length - text.TrimStart("\r\n"u8).Length;
        var body = isLast ? text[front..].TrimEnd("\r\n"u8) : text[front..];
        if (bad)
        {
            Leave(LeftOutReason.NoDocument, text);
        }
        else if (!open && body.Trim(" \t\r\n"u8).IsEmpty)
        {
            Leave(LeftOutReason.Separator, text);
        }
        else
        {
            Leave(LeftOutReason.Separator, text[..front]);
            if (PlainTextReader.Problem(body, path, line, offset) is { } problem)
            {
                Refuse(open ? problem + " The document ends before it." : problem, body.Length);
                Count(body);
            }
            else if (!body.IsEmpty)
            {
                Count(body);
                pieces.Add(RawPiece.OfText(body.ToArray(), open) with { End = offset });
                open = true;
            }

            Leave(LeftOutReason.Separator, text[(front + body.Length)..]);
        }

        if (isLast)
        {
            (open, bad) = (false, false);
        }
    }

    private void Refuse(string problem, int bytes)
    {
        pieces.Add(RawPiece.Bad(problem, bytes));
        bad = true;
    }

    private int Without(int bytes)
    {
        pieces.Add(RawPiece.Without(LeftOutReason.Separator, bytes));
        offset += bytes;
        return bytes;
    }

    private void Leave(LeftOutReason reason, ReadOnlySpan<byte> text)
    {
        if (!text.IsEmpty)
        {
            pieces.Add(RawPiece.Without(reason, text.Length));
            Count(text);
        }
    }

    private void Count(ReadOnlySpan<byte> text)
    {
        offset += text.Length;
        line += text.Count((byte)'\n');
    }
}
