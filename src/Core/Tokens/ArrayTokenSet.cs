namespace Slowrun.Core.Tokens;

/// <summary>A token set held in memory, two bytes a token.</summary>
public sealed class ArrayTokenSet : TokenSet
{
    private readonly ushort[] tokens;

    /// <param name="documentStarts">Ascending, beginning with 0; empty only where there are no tokens.</param>
    /// <param name="tokenBytes">One entry a token id; every token is one of them.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public ArrayTokenSet(ushort[] tokens, IReadOnlyList<long> documentStarts, IReadOnlyList<int> tokenBytes)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(documentStarts);
        ArgumentNullException.ThrowIfNull(tokenBytes);
        for (var i = 0; i < documentStarts.Count; i++)
        {
            if (i == 0 ? documentStarts[0] != 0 : documentStarts[i] <= documentStarts[i - 1] || documentStarts[i] >= tokens.Length)
            {
                throw new ArgumentException(
                    $"Document {i} of {tokens.Length} tokens starts at {documentStarts[i]}; starts ascend from 0.",
                    nameof(documentStarts)
                );
            }
        }

        if ((documentStarts.Count == 0) != (tokens.Length == 0))
        {
            throw new ArgumentException($"{tokens.Length} tokens cannot lie in {documentStarts.Count} documents.", nameof(documentStarts));
        }

        var largest = tokens.Length == 0 ? -1 : tokens.Max();
        if (largest >= tokenBytes.Count)
        {
            throw new ArgumentException($"A token has the id {largest}, the vocabulary only {tokenBytes.Count} ids.", nameof(tokens));
        }

        (this.tokens, DocumentStarts, TokenBytes) = (tokens, documentStarts, tokenBytes);
    }

    public override long Length => tokens.Length;

    public override IReadOnlyList<long> DocumentStarts { get; }

    public override IReadOnlyList<int> TokenBytes { get; }

    public override void Read(long start, Span<int> into)
    {
        var from = tokens.AsSpan(checked((int)start), into.Length);
        for (var i = 0; i < from.Length; i++)
        {
            into[i] = from[i];
        }
    }
}
