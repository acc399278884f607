using System.IO.Hashing;

namespace Slowrun.Client.Corpus;

/// <summary>Every stretch of 40 bytes in some text, by its hash: what was trained on would be known by heart.</summary>
internal sealed class TextWindows
{
    public const int LengthBytes = 40;

    private readonly HashSet<ulong> windows = [];

    public void Add(ReadOnlySpan<byte> text)
    {
        for (var i = 0; i + LengthBytes <= text.Length; i++)
        {
            windows.Add(XxHash3.HashToUInt64(text.Slice(i, LengthBytes)));
        }
    }

    /// <summary>How many of the text's stretches are among those added.</summary>
    public int Shared(ReadOnlySpan<byte> text)
    {
        var shared = 0;
        for (var i = 0; i + LengthBytes <= text.Length; i++)
        {
            shared += windows.Contains(XxHash3.HashToUInt64(text.Slice(i, LengthBytes))) ? 1 : 0;
        }

        return shared;
    }

    public static int CountIn(ReadOnlySpan<byte> text) => Math.Max(0, text.Length - LengthBytes + 1);
}
