using Slowrun.Data.Corpus;

namespace Slowrun.Data.Inputs;

/// <summary>A JSON object a line, of which one field is a document. Empty lines are passed over.</summary>
internal static class JsonLinesReader
{
    private const int LongestLineBytes = 256 << 20;

    public static IEnumerable<RawPiece> Read(Stream content, string path, string field)
    {
        var buffer = new byte[1 << 20];
        var (begin, filled, line, before) = (0, 0, 0L, 0L);
        var (searched, ended) = (0, false);
        while (true)
        {
            var end = buffer.AsSpan(searched, filled - searched).IndexOf((byte)'\n');
            if (end < 0 && !ended)
            {
                // What is left moves to the front; the buffer grows only where one line fills it.
                buffer.AsSpan(begin, filled - begin).CopyTo(buffer);
                (before, filled, begin) = (before + begin, filled - begin, 0);
                if (filled == buffer.Length)
                {
                    if (filled >= LongestLineBytes)
                    {
                        // Where the next line begins is not known either.
                        throw new CorpusException($"'{path}' cannot be used: line {line + 1} is longer than {LongestLineBytes >> 20} MiB.");
                    }

                    Array.Resize(ref buffer, 2 * buffer.Length);
                }

                searched = filled;
                var read = content.Read(buffer, filled, buffer.Length - filled);
                filled += read;
                ended = read == 0;
                continue;
            }

            var next = end < 0 ? filled : searched + end;
            line++;
            var row = buffer.AsMemory(begin, next - begin);
            if (line == 1 && row.Span.StartsWith("\uFEFF"u8))
            {
                row = row[3..];
            }

            if (!row.Span.Trim(" \t\r"u8).IsEmpty)
            {
                var behind = before + next + (end < 0 ? 0 : 1);
                if (JsonField.Read(row.Span, field, out var problem) is { } text)
                {
                    var left = text.Length;
                    foreach (var piece in TextPieces.Of(text))
                    {
                        left -= piece.Text.Length;
                        yield return piece with
                        {
                            End = behind - left,
                        };
                    }
                }
                else
                {
                    yield return RawPiece.Bad($"'{path}', line {line}: {problem}", row.Length);
                }
            }

            if (end < 0)
            {
                yield break;
            }

            begin = searched = next + 1;
        }
    }
}
