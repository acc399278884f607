using Slowrun.Core.Tokens;

namespace Slowrun.Core.Order;

/// <summary>The rows of one data epoch in training order. A row is <c>SequenceLength</c> + 1 tokens: inputs and targets.
/// Immutable.</summary>
public sealed class EpochRows
{
    private readonly TokenSet tokens;
    private readonly DocumentStream? documents;
    private readonly int[] rows;
    private readonly int rowTokens;

    /// <param name="documents">What the rows are cut of; null: the token set as it is.</param>
    /// <param name="rows">Rows of the stream, in training order.</param>
    internal EpochRows(TokenSet tokens, DocumentStream? documents, int[] rows, int rowTokens)
    {
        this.tokens = tokens;
        this.documents = documents;
        this.rows = rows;
        this.rowTokens = rowTokens;
    }

    public int Count => rows.Length;

    /// <param name="index">Of the row in training order, from 0.</param>
    /// <param name="into"><c>SequenceLength</c> + 1 token ids.</param>
    public void Read(int index, Span<int> into)
    {
        var position = (long)rows[index] * rowTokens;
        if (documents is null)
        {
            tokens.Read(position, into[..rowTokens]);
        }
        else
        {
            documents.Read(position, into[..rowTokens]);
        }
    }
}
