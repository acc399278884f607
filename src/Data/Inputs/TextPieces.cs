using System.Text;

namespace Slowrun.Data.Inputs;

/// <summary>
/// Cuts long text into pieces that are tokenized one by one, to the same ids as the whole: only where white space follows something
/// that is none, where no tokenizer's word reaches across.
/// </summary>
internal static class TextPieces
{
    /// <summary>Bounds the memory of what is tokenized at once.</summary>
    public const int Bytes = 1 << 20;

    /// <param name="atLeast">Where to begin looking.</param>
    /// <returns>The first place to cut from there on; -1 where there is none.</returns>
    public static int FirstCut(ReadOnlySpan<byte> text, int atLeast)
    {
        for (var at = Math.Max(1, atLeast); at < text.Length; at++)
        {
            if (
                IsSpace(text[at])
                && !IsSpace(text[at - 1])
                && (
                    text[at - 1] < 128
                    || (
                        Rune.DecodeLastFromUtf8(text[..at], out var rune, out _) == System.Buffers.OperationStatus.Done
                        && !Rune.IsWhiteSpace(rune)
                    )
                )
            )
            {
                return at;
            }
        }

        return -1;
    }

    /// <summary>A whole document, as one piece or as many.</summary>
    public static IEnumerable<RawPiece> Of(ReadOnlyMemory<byte> document)
    {
        var continues = false;
        while (document.Length > 2 * Bytes && FirstCut(document.Span, Bytes) is > 0 and var cut)
        {
            yield return RawPiece.OfText(document[..cut], continues);
            document = document[cut..];
            continues = true;
        }

        yield return RawPiece.OfText(document, continues);
    }

    private static bool IsSpace(byte value) => value is (byte)' ' or (>= 9 and <= 13);
}
