using Slowrun.Core.Tokens;

namespace Slowrun.Data.Corpus;

/// <summary>Bytes as tokens: ids 0 to 255 are the bytes of UTF-8 text, 256 begins a document.</summary>
public static class ByteTokens
{
    public const string Name = "bytes";
    public const ushort DocumentStart = 256;

    /// <summary>Takes documents from the front until there are <paramref name="count"/> tokens; the last one is cut.</summary>
    /// <param name="what">Named when there is too little: "training", for example, and the setting to change.</param>
    /// <param name="leftOut">What text does not count, in sentences.</param>
    /// <exception cref="CorpusException">There is too little text; how much there is.</exception>
    public static ArrayTokenSet Take(IReadOnlyList<byte[]> documents, long count, string what, string setting, string leftOut = "")
    {
        var available = documents.Sum(document => document.Length + 1L);
        if (available < count)
        {
            throw new CorpusException(
                FormattableString.Invariant($"There is too little text: it gives {available} {what} tokens, the recipe asks for {count}. ")
                    + (leftOut.Length > 0 ? leftOut + " " : "")
                    + (
                        available < 2
                            ? "Give more text."
                            : FormattableString.Invariant($"Give more text, or ask for less with --set {setting}={available}.")
                    )
            );
        }

        var tokens = new ushort[count];
        var starts = new List<long>();
        var filled = 0;
        foreach (var document in documents)
        {
            if (filled == tokens.Length)
            {
                break;
            }

            starts.Add(filled);
            tokens[filled++] = DocumentStart;
            for (var i = 0; i < document.Length && filled < tokens.Length; i++)
            {
                tokens[filled++] = document[i];
            }
        }

        return new ArrayTokenSet(tokens, starts, [.. Enumerable.Repeat(1, DocumentStart), 0]);
    }

    /// <summary>As <see cref="Take"/>, or as many as there are: at least the beginning of a document.</summary>
    public static ArrayTokenSet TakeUpTo(IReadOnlyList<byte[]> documents, long count)
    {
        ArgumentNullException.ThrowIfNull(documents);
        IReadOnlyList<byte[]> some =
            documents.Count == 0
                ?
                [
                    [],
                ]
                : documents;
        return Take(some, Math.Min(count, some.Sum(document => document.Length + 1L)), "", "");
    }

    /// <summary>The text of each document of a set.</summary>
    public static IEnumerable<byte[]> Texts(ArrayTokenSet set)
    {
        var ids = new int[set.Length];
        set.Read(0, ids);
        for (var d = 0; d < set.DocumentStarts.Count; d++)
        {
            var end = d + 1 < set.DocumentStarts.Count ? set.DocumentStarts[d + 1] : set.Length;
            yield return
            [
                .. ids.AsSpan((int)set.DocumentStarts[d] + 1, (int)(end - set.DocumentStarts[d] - 1)).ToArray().Select(id => (byte)id),
            ];
        }
    }
}
