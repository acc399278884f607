using System.Text;

namespace Slowrun.Data.Inputs;

/// <summary>What one document of a text file is.</summary>
public enum TextDocuments
{
    File,
    Line,

    /// <summary>Up to an empty line.</summary>
    Paragraph,
}

/// <summary>Where a text file's documents end.</summary>
/// <param name="Documents">Of no meaning where there is a separator.</param>
/// <param name="Separator">Stands between documents, as it is written; null where none does.</param>
public sealed record TextDivision(TextDocuments Documents, string? Separator)
{
    public static readonly TextDivision None = new(TextDocuments.File, null);

    private readonly byte[] separator = Encoding.UTF8.GetBytes(Separator ?? "");

    public bool IsWhole => Documents == TextDocuments.File && Separator is null;

    /// <summary>No separator that begins before so many of the last bytes is incomplete.</summary>
    public int SeparatorBytes => separator.Length;

    /// <summary>Finds what parts two documents.</summary>
    /// <param name="ended">Whether nothing follows <paramref name="text"/>.</param>
    /// <returns>Its beginning and its end; -1 where there is none, or none of which the end is to be seen.</returns>
    public (int Begin, int End) Find(ReadOnlySpan<byte> text, bool ended)
    {
        if (Separator is not null || Documents == TextDocuments.Line)
        {
            var at = Separator is null ? text.IndexOf((byte)'\n') : text.IndexOf(separator);
            return at < 0 ? (-1, -1) : (at, at + (Separator is null ? 1 : separator.Length));
        }

        for (var begin = 0; ; )
        {
            var line = text[begin..].IndexOf((byte)'\n');
            if (line < 0)
            {
                return (-1, -1);
            }

            var end = BehindEmptyLines(text, begin + line + 1);
            if (end == text.Length && !ended)
            {
                return (-1, -1);
            }

            if (end > begin + line + 1)
            {
                return (begin + line, end);
            }

            begin += line + 1;
        }
    }

    private static int BehindEmptyLines(ReadOnlySpan<byte> text, int at)
    {
        var behind = at;
        for (; at < text.Length && text[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n'; at++)
        {
            behind = text[at] == '\n' ? at + 1 : behind;
        }

        // What follows may still turn spaces into an empty line.
        return at == text.Length ? at : behind;
    }
}
