using System.IO.Hashing;

namespace Slowrun.Data.Corpus;

/// <summary>Every stretch of 40 bytes in some text, by its hash: a model may have memorized a stretch that it was trained on.</summary>
public sealed class TextWindows
{
    public const int LengthBytes = 40;

    private readonly HashSet<ulong> windows = [];

    public void Add(byte[] text) => windows.UnionWith(Hashes(text));

    /// <summary>The hash of each stretch, from front to end.</summary>
    public static IEnumerable<ulong> Hashes(byte[] text)
    {
        for (var i = 0; i + LengthBytes <= text.Length; i++)
        {
            yield return XxHash3.HashToUInt64(text.AsSpan(i, LengthBytes));
        }
    }

    /// <summary>How many of the text's stretches are among those added.</summary>
    public int Shared(byte[] text) => Hashes(text).Count(windows.Contains);

    public static int CountIn(ReadOnlySpan<byte> text) => Math.Max(0, text.Length - LengthBytes + 1);
}
