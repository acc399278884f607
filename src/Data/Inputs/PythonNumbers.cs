namespace Slowrun.Data.Inputs;

/// <summary>NaN, Infinity and -Infinity, which Python's <c>json</c> writes and reads although JSON has none.</summary>
internal static class PythonNumbers
{
    private static readonly byte[][] Words = ["NaN"u8.ToArray(), "Infinity"u8.ToArray(), "-Infinity"u8.ToArray()];

    /// <summary>Overwrites each with a zero and spaces, where a value can stand.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool Replace(Span<byte> row)
    {
        var (any, inString, before) = (false, false, (byte)0);
        for (var at = 0; at < row.Length; at++)
        {
            var value = row[at];
            if (inString)
            {
                at += value == '\\' ? 1 : 0;
                inString = value != '"';
            }
            else if (before is (byte)':' or (byte)',' or (byte)'[' && LengthAt(row[at..]) is > 0 and var length)
            {
                row.Slice(at, length).Fill((byte)' ');
                row[at] = (byte)'0';
                at += length - 1;
                any = true;
            }
            else
            {
                inString = value == '"';
            }

            before = value is (byte)' ' or (byte)'\t' or (byte)'\r' ? before : value;
        }

        return any;
    }

    private static int LengthAt(ReadOnlySpan<byte> text)
    {
        foreach (var word in Words)
        {
            // A value ends with white space or what may follow one.
            if (text.StartsWith(word) && (text.Length == word.Length || " \t\r,]}"u8.Contains(text[word.Length])))
            {
                return word.Length;
            }
        }

        return 0;
    }
}
