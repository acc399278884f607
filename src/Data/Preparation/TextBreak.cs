using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Preparation;

/// <summary>Finds the place in a document's tokens from which on it can be a document of its own.</summary>
internal static class TextBreak
{
    private const int TailBytes = 8;

    private static readonly (string Name, Func<ReadOnlySpan<byte>, byte, bool> Ends)[] Kinds =
    [
        ("paragraph", (before, next) => next is not ((byte)'\n' or (byte)'\r') && Lines(before) >= 2),
        ("line", (before, next) => next is not ((byte)'\n' or (byte)'\r') && Lines(before) == 1),
        (
            "sentence",
            (before, next) =>
                next is (byte)' '
                && before
                    is [.., (byte)'.' or (byte)'!' or (byte)'?']
                        or [.., (byte)'.' or (byte)'!' or (byte)'?', (byte)'"' or (byte)'\'' or (byte)')']
        ),
        ("word", (before, next) => IsSpace(next) && before is [.., var last] && !IsSpace(last)),
        // Between characters, at least.
        ("token", (_, next) => (next & 0xC0) != 0x80),
    ];

    /// <param name="before">The ids in front of <paramref name="ids"/>, as far as they matter: some of the last.</param>
    /// <param name="within">How many of <paramref name="ids"/> may be given up for a better place.</param>
    /// <returns>The first place of the best kind, and the kind's name.</returns>
    public static (int At, string Kind) Find(ReadOnlySpan<ushort> before, ReadOnlySpan<ushort> ids, int within, TextTokenizer tokenizer)
    {
        var found = new int[Kinds.Length];
        Array.Fill(found, -1);
        var tail = new List<byte>(2 * TailBytes);
        foreach (var id in before)
        {
            Append(tail, tokenizer.BytesOf(id));
        }

        for (var at = 0; at < ids.Length && at <= within; at++)
        {
            var bytes = tokenizer.BytesOf(ids[at]);
            if (!bytes.IsEmpty)
            {
                var tailBytes = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tail);
                for (var kind = 0; kind < Kinds.Length; kind++)
                {
                    found[kind] = found[kind] < 0 && Kinds[kind].Ends(tailBytes, bytes[0]) ? at : found[kind];
                }
            }

            if (found[0] >= 0)
            {
                break;
            }

            Append(tail, bytes);
        }

        var best = Array.FindIndex(found, at => at >= 0);
        return best < 0 ? (0, Kinds[^1].Name) : (found[best], Kinds[best].Name);
    }

    /// <summary>Line ends that the text ends with, white space between them aside.</summary>
    private static int Lines(ReadOnlySpan<byte> text)
    {
        var lines = 0;
        for (var at = text.Length - 1; at >= 0 && IsSpace(text[at]); at--)
        {
            lines += text[at] == '\n' ? 1 : 0;
        }

        // Indentation of the line that follows would be cut from it.
        return text is [.., (byte)'\n'] ? lines : 0;
    }

    private static bool IsSpace(byte value) => value is (byte)' ' or (>= 9 and <= 13);

    private static void Append(List<byte> tail, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes[Math.Max(0, bytes.Length - TailBytes)..])
        {
            tail.Add(value);
        }

        if (tail.Count > TailBytes)
        {
            tail.RemoveRange(0, tail.Count - TailBytes);
        }
    }
}
