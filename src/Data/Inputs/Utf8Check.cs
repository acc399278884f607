using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Slowrun.Data.Inputs;

/// <summary>Looks for what is not UTF-8.</summary>
internal static class Utf8Check
{
    /// <returns>Index of the first byte that begins no character; -1 where there is none.</returns>
    public static int FirstBad(ReadOnlySpan<byte> text)
    {
        if (Utf8.IsValid(text))
        {
            return -1;
        }

        var at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
