namespace Slowrun.Data.Inputs;

/// <summary>A text file is a document, of any length. A byte order mark in front is left out.</summary>
internal static class PlainTextReader
{
    // Only text without white space comes near it.
    public const int LongestPieceBytes = 64 << 20;

    public static IEnumerable<RawPiece> Read(Stream content, string path)
    {
        var buffer = new byte[2 * TextPieces.Bytes];
        var (filled, line, offset) = (0, 1L, 0L);
        var continues = false;
        while (true)
        {
            var read = content.ReadAtLeast(buffer.AsSpan(filled), buffer.Length - filled, throwOnEndOfStream: false);
            filled += read;
            var ended = filled < buffer.Length;
            var begin = offset == 0 && buffer.AsSpan(0, filled).StartsWith("\uFEFF"u8) ? 3 : 0;
            var cut = ended ? filled : TextPieces.FirstCut(buffer.AsSpan(0, filled), filled / 2);
            if (cut < 0 && buffer.Length < LongestPieceBytes)
            {
                Array.Resize(ref buffer, 2 * buffer.Length);
                continue;
            }

            if (cut < 0)
            {
                yield return RawPiece.Bad(WithoutSpace(path, line) + Rest(continues), filled - begin);
                yield return RawPiece.Without(LeftOutReason.NoDocument, Count(content));
                yield break;
            }

            if (cut == begin && !continues)
            {
                yield return RawPiece.Bad($"'{path}' is empty.");
                yield break;
            }

            if (Problem(buffer.AsSpan(begin, cut - begin), path, line, offset + begin) is { } problem)
            {
                yield return RawPiece.Bad(problem + Rest(continues), filled - begin);
                yield return RawPiece.Without(LeftOutReason.NoDocument, Count(content));
                yield break;
            }

            if (begin > 0)
            {
                yield return RawPiece.Without(LeftOutReason.Separator, begin);
            }

            if (cut > begin)
            {
                yield return RawPiece.OfText(buffer.AsSpan(begin, cut - begin).ToArray(), continues) with
                {
                    End = offset + cut,
                };
            }

            if (ended)
            {
                yield break;
            }

            line += buffer.AsSpan(0, cut).Count((byte)'\n');
            offset += cut;
            filled -= cut;
            buffer.AsSpan(cut, filled).CopyTo(buffer);
            continues = true;
        }
    }

    /// <summary>What to say of text that cannot be cut.</summary>
    public static string WithoutSpace(string path, long line) =>
        $"'{path}', line {line}: {LongestPieceBytes >> 20} MiB without a space or line end are no text to train on.";

    /// <param name="line">In which <paramref name="text"/> begins.</param>
    /// <param name="offset">At which it does, in the file.</param>
    /// <returns>Null where it is text.</returns>
    public static string? Problem(ReadOnlySpan<byte> text, string path, long line, long offset)
    {
        var zero = text.IndexOf((byte)0);
        var bad = zero >= 0 ? zero : Utf8Check.FirstBad(text);
        return bad < 0
            ? null
            : $"'{path}', line {line + text[..bad].Count((byte)'\n')}: byte {offset + bad} of the file {(zero >= 0 ? "is a zero, which text has none of" : "is not UTF-8")}.";
    }

    private static long Count(Stream content)
    {
        var buffer = new byte[1 << 16];
        var count = 0L;
        for (var read = content.Read(buffer); read > 0; read = content.Read(buffer))
        {
            count += read;
        }

        return count;
    }

    private static string Rest(bool continues) => continues ? " The document ends before it." : "";
}
