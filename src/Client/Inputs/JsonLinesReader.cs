using System.Text;
using System.Text.Json;
using Slowrun.Client.Corpus;

namespace Slowrun.Client.Inputs;

/// <summary>A JSON object a line, of which one field is a document. Empty lines are passed over.</summary>
internal static class JsonLinesReader
{
    private const int LongestLineBytes = 256 << 20;

    public static IEnumerable<RawPiece> Read(Stream content, string path, string field)
    {
        var buffer = new byte[1 << 20];
        var (begin, filled, line) = (0, 0, 0L);
        var (searched, ended) = (0, false);
        while (true)
        {
            var end = buffer.AsSpan(searched, filled - searched).IndexOf((byte)'\n');
            if (end < 0 && !ended)
            {
                // What is left moves to the front; the buffer grows only where one line fills it.
                buffer.AsSpan(begin, filled - begin).CopyTo(buffer);
                (filled, begin) = (filled - begin, 0);
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
                if (Document(row.Span, field, out var problem) is { } text)
                {
                    foreach (var piece in TextPieces.Of(text))
                    {
                        yield return piece;
                    }
                }
                else
                {
                    yield return RawPiece.Bad($"'{path}', line {line}: {problem}");
                }
            }

            if (end < 0)
            {
                yield break;
            }

            begin = searched = next + 1;
        }
    }

    private static byte[]? Document(ReadOnlySpan<byte> row, string field, out string problem)
    {
        byte[]? text = null;
        var others = new List<string>();
        problem = "";
        try
        {
            var json = new Utf8JsonReader(row);
            json.Read();
            if (json.TokenType != JsonTokenType.StartObject)
            {
                problem = $"found {Name(json.TokenType)}, expected an object with a field '{field}'.";
                return null;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = json.ValueTextEquals(field);
                if (!isIt && others.Count < 10)
                {
                    others.Add(json.GetString()!);
                }

                json.Read();
                if (isIt && json.TokenType == JsonTokenType.String)
                {
                    text = new byte[json.ValueSpan.Length];
                    text = text[..json.CopyString(text)];
                    problem = "";
                }
                else if (isIt)
                {
                    text = null;
                    problem = $"'{field}' is {Name(json.TokenType)}, expected a string.";
                    json.Skip();
                }
                else
                {
                    json.Skip();
                }
            }

            // Something after the object.
            json.Read();
        }
        catch (JsonException e)
        {
            problem = $"not JSON, from byte {e.BytePositionInLine ?? 0} of the line on.";
            return null;
        }
        catch (InvalidOperationException)
        {
            // What the reader throws where a string is no valid Unicode.
            problem = "a string in it is not valid Unicode.";
            return null;
        }

        if (text is null && problem.Length == 0)
        {
            problem = $"there is no field '{field}'; {(others.Count == 0 ? "the object is empty" : $"it has {string.Join(", ", others.Select(Shown))}")}. Name the right one with --field.";
        }

        return text;
    }

    // A name from a damaged file may be anything.
    private static string Shown(string name)
    {
        var shown = new StringBuilder("'");
        foreach (var rune in name.EnumerateRunes().Take(40))
        {
            shown.Append(Rune.IsControl(rune) ? "?" : rune.ToString());
        }

        return shown.Append('\'').ToString();
    }

    private static string Name(JsonTokenType type) => type switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.Number => "a number",
        JsonTokenType.String => "a string",
        JsonTokenType.Null => "null",
        _ => "a truth value",
    };
}
