using System.Globalization;
using System.Text;

namespace Slowrun.Data.Tokenizers;

/// <summary>
/// Where GPT-2 divides text before it merges bytes:
/// <c>'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>. Not a .NET regular expression, which sees the two
/// halves of a character beyond U+FFFF as neither letter nor number.
/// </summary>
internal static class Gpt2Words
{
    private enum Kind
    {
        Letter,
        Number,
        Space,
        Other,
    }

    /// <summary>Length in chars of the word that begins at <paramref name="at"/>, which is where one ended or the text begins.</summary>
    public static int LengthAt(ReadOnlySpan<char> text, int at)
    {
        var rest = text[at..];
        if (rest[0] == '\'' && Contraction(rest) is > 0 and var contraction)
        {
            return contraction;
        }

        var first = rest[0] == ' ' && rest.Length > 1 ? 1 : 0;
        var kind = KindAt(rest, first, out var length);
        return kind == Kind.Space ? Spaces(rest) : first + length + Run(rest[(first + length)..], kind);
    }

    private static int Contraction(ReadOnlySpan<char> text) =>
        text.Length > 1 && text[1] is 's' or 'd' or 'm' or 't' ? 2
        : text.Length > 2 && text[1..3] is "ll" or "ve" or "re" ? 3
        : 0;

    private static int Run(ReadOnlySpan<char> text, Kind kind)
    {
        var end = 0;
        while (end < text.Length && KindAt(text, end, out var length) == kind)
        {
            end += length;
        }

        return end;
    }

    /// <summary>All white space; without the last one if a word follows, to which it may belong.</summary>
    private static int Spaces(ReadOnlySpan<char> text)
    {
        var end = Run(text, Kind.Space);
        return end == text.Length || end == 1 ? end : end - 1;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int at, out int length)
    {
        var c = text[at];
        length = 1;
        if (c < 128)
        {
            return char.IsAsciiLetter(c) ? Kind.Letter
                : char.IsAsciiDigit(c) ? Kind.Number
                : char.IsWhiteSpace(c) ? Kind.Space
                : Kind.Other;
        }

        Rune.DecodeFromUtf16(text[at..], out var rune, out length);
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other,
        };
    }
}
