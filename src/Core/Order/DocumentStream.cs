using Slowrun.Core.Tokens;

namespace Slowrun.Core.Order;

/// <summary>A token set's documents put one behind the other in another order. Immutable.</summary>
internal sealed class DocumentStream
{
    private readonly TokenSet tokens;
    private readonly int[] documents;
    private readonly long[] starts;

    /// <param name="documents">Document numbers in stream order.</param>
    public DocumentStream(TokenSet tokens, int[] documents)
    {
        this.tokens = tokens;
        this.documents = documents;
        starts = new long[documents.Length];
        long position = 0;
        for (var i = 0; i < documents.Length; i++)
        {
            starts[i] = position;
            position += Length(documents[i]);
        }
    }

    /// <summary>Copies tokens [position, position + into.Length) of the stream.</summary>
    public void Read(long position, Span<int> into)
    {
        var i = Array.BinarySearch(starts, position);
        // Not the start of a document: the complement of the one after it. Of empty documents that share a start, any will do.
        i = i >= 0 ? i : ~i - 1;
        while (!into.IsEmpty)
        {
            var offset = position - starts[i];
            var count = (int)Math.Min(Length(documents[i]) - offset, into.Length);
            if (count > 0)
            {
                tokens.Read(tokens.DocumentStarts[documents[i]] + offset, into[..count]);
                into = into[count..];
                position += count;
            }

            i++;
        }
    }

    private long Length(int document) =>
        (document + 1 < tokens.DocumentStarts.Count ? tokens.DocumentStarts[document + 1] : tokens.Length)
        - tokens.DocumentStarts[document];
}
