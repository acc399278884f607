using Slowrun.Core.Tokens;

namespace Slowrun.Bench;

/// <summary>A UTF-8 file as byte tokens: documents are paragraphs, each begun by token 256. Good enough to measure with.</summary>
internal static class ByteText
{
    private const ushort DocumentStart = 256;

    public static ushort[] Read(string path)
    {
        var tokens = new List<ushort>();
        foreach (
            var paragraph in File.ReadAllText(path).Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        )
        {
            tokens.Add(DocumentStart);
            tokens.AddRange(System.Text.Encoding.UTF8.GetBytes(paragraph).Select(b => (ushort)b));
        }

        return [.. tokens];
    }

    public static ArrayTokenSet Set(ReadOnlySpan<ushort> tokens)
    {
        var copy = tokens.ToArray();
        var starts = copy.Index().Where(t => t.Index == 0 || t.Item == DocumentStart).Select(t => (long)t.Index).ToArray();
        return new ArrayTokenSet(copy, starts, [.. Enumerable.Repeat(1, 256), 0]);
    }
}
