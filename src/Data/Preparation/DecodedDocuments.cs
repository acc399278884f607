using System.Text;
using Slowrun.Core.Tokens;
using Slowrun.Data.Tokenizers;

namespace Slowrun.Data.Preparation;

/// <summary>The documents of a token set as text again.</summary>
public sealed class DecodedDocuments(TokenSet set, TextTokenizer tokenizer)
{
    private const int BeginningTokens = 60;

    public int Count => set.DocumentStarts.Count;

    /// <summary>UTF-8; a cut document may end within a character.</summary>
    public byte[] this[int document] => Bytes(document, int.MaxValue);

    /// <summary>Indices of documents from the front to the end.</summary>
    public IEnumerable<int> Spread(int count) =>
        Enumerable.Range(0, Math.Min(count, Count)).Select(i => (int)((long)i * Count / count)).Distinct();

    /// <summary>A document's first words on one line.</summary>
    public string Beginning(int document)
    {
        var text = Encoding.UTF8.GetString(Bytes(document, BeginningTokens)).TrimEnd('\uFFFD');
        var line = new StringBuilder(FormattableString.Invariant($"document {document}: "));
        foreach (var rune in text.EnumerateRunes())
        {
            line.Append(
                rune.Value is '\n' ? "⏎"
                : Rune.IsControl(rune) ? " "
                : rune.ToString()
            );
        }

        return line.ToString();
    }

    private byte[] Bytes(int document, int atMostTokens)
    {
        var start = set.DocumentStarts[document];
        var end = document + 1 < Count ? set.DocumentStarts[document + 1] : set.Length;
        var ids = new int[(int)Math.Min(end - start, atMostTokens)];
        set.Read(start, ids);
        var bytes = new MemoryStream(4 * ids.Length);
        foreach (var id in ids)
        {
            bytes.Write(tokenizer.BytesOf(id));
        }

        return bytes.ToArray();
    }
}
