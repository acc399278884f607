using System.Text;
using System.Text.Json;

namespace Slowrun.Data.Inputs;

/// <summary>
/// Takes one string out of a JSON object, by its name or by the names on the way to it (<c>data.text</c>). The rest of the object is
/// checked as little as possible: it may be nested to any depth, contain unpaired surrogates, and numbers as Python writes them (NaN,
/// Infinity). Of equal names the last one counts, as in Python and JavaScript.
/// </summary>
internal static class JsonField
{
    // The nesting costs the reader a bit a level.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = int.MaxValue };

    /// <param name="row">Its numbers may be overwritten.</param>
    /// <returns>The field's UTF-8; null with a problem.</returns>
    public static byte[]? Read(Span<byte> row, string field, out string problem)
    {
        try
        {
            return Find(row, field, out problem);
        }
        catch (JsonException e)
        {
            var at = e.BytePositionInLine ?? 0;
            if (PythonNumbers.Replace(row))
            {
                try
                {
                    return Find(row, field, out problem);
                }
                catch (JsonException again)
                {
                    at = again.BytePositionInLine ?? 0;
                }
            }

            problem = $"not JSON, from byte {at} of the line on.";
            return null;
        }
    }

    private static byte[]? Find(ReadOnlySpan<byte> row, string field, out string problem)
    {
        byte[]? text = null;
        var others = new List<string>();
        problem = "";
        var json = new Utf8JsonReader(row, Options);
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
        {
            problem = $"found {Name(json.TokenType)}, expected an object with a field '{field}'.";
            return null;
        }

        // What is left of the field's name within each object on the way to it.
        var path = new Stack<string>([field]);
        while (path.Count > 0 && json.Read())
        {
            if (json.TokenType == JsonTokenType.EndObject)
            {
                path.Pop();
                continue;
            }

            var wanted = path.Peek();
            var escaped = json.ValueIsEscaped;
            var isIt = !escaped && json.ValueTextEquals(wanted);
            var listed = path.Count == 1 && others.Count < 10;
            var name = !isIt && (escaped || listed || wanted.Contains('.', StringComparison.Ordinal)) ? NameOf(ref json) : null;
            json.Read();
            if (isIt || name == wanted)
            {
                text = Value(ref json, field, out problem);
            }
            else if (
                json.TokenType == JsonTokenType.StartObject
                && name is not null
                && wanted.StartsWith(name + ".", StringComparison.Ordinal)
            )
            {
                path.Push(wanted[(name.Length + 1)..]);
            }
            else
            {
                if (listed)
                {
                    others.Add(name ?? "\uFFFD");
                }

                json.Skip();
            }
        }

        // Something after the object.
        json.Read();
        if (text is null && problem.Length == 0)
        {
            problem =
                $"there is no field '{field}'; {(others.Count == 0 ? "the object is empty" : $"it has {string.Join(", ", others.Select(Shown))}")}. Name the right one with --field.";
        }

        return text;
    }

    /// <returns>Null for a name that is not valid Unicode: no field has it.</returns>
    private static string? NameOf(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static byte[]? Value(ref Utf8JsonReader json, string field, out string problem)
    {
        problem = "";
        if (json.TokenType != JsonTokenType.String)
        {
            problem = $"'{field}' is {Name(json.TokenType)}, expected a string.";
            json.Skip();
            return null;
        }

        try
        {
            var text = new byte[json.ValueSpan.Length];
            return text[..json.CopyString(text)];
        }
        catch (InvalidOperationException)
        {
            // What the reader throws where a string is no valid Unicode.
            problem =
                "a string in it is not valid Unicode: "
                + (
                    Utf8Check.FirstBad(json.ValueSpan) is >= 0 and var bad
                        ? $"byte {bad} of '{field}' is not UTF-8."
                        : $"'{field}' has {HalfCharacter(json.ValueSpan)}, half of a character (a surrogate without the other one)."
                );
            return null;
        }
    }

    /// <summary>The first escape of an unpaired surrogate.</summary>
    private static string HalfCharacter(ReadOnlySpan<byte> escaped)
    {
        for (var at = 0; at < escaped.Length; at++)
        {
            if (escaped[at] != '\\')
            {
                continue;
            }

            if (High(escaped[at..]) && at + 6 < escaped.Length && Low(escaped[(at + 6)..]))
            {
                at += 11;
            }
            else if (High(escaped[at..]) || Low(escaped[at..]))
            {
                return Encoding.ASCII.GetString(escaped.Slice(at, 6));
            }
            else
            {
                at++;
            }
        }

        return "an escape";
    }

    private static bool High(ReadOnlySpan<byte> text) => Surrogate(text) is (byte)'8' or (byte)'9' or (byte)'a' or (byte)'b';

    private static bool Low(ReadOnlySpan<byte> text) => Surrogate(text) is >= (byte)'c' and <= (byte)'f';

    private static int Surrogate(ReadOnlySpan<byte> text) =>
        text is [(byte)'\\', (byte)'u', (byte)'d' or (byte)'D', var third, _, _, ..] ? third | 0x20 : -1;

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

    private static string Name(JsonTokenType type) =>
        type switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "a list",
            JsonTokenType.Number => "a number",
            JsonTokenType.String => "a string",
            JsonTokenType.Null => "null",
            _ => "a truth value",
        };
}
