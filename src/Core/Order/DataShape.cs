namespace Slowrun.Core.Order;

/// <summary>How a token set is cut into rows and micro-batches.</summary>
/// <param name="SequenceLength">T; a row has one token more, the last target.</param>
/// <param name="Rows">Of one micro-batch.</param>
/// <param name="Lanes">Micro-batches of one micro-step: a data epoch has whole ones. Upstream: the number of GPUs.</param>
public sealed record DataShape(int SequenceLength, int Rows, int Lanes)
{
    public int RowTokens => SequenceLength + 1;

    /// <summary>Rows that a data epoch trains on: whole micro-steps, the rest of the set is left out.</summary>
    /// <exception cref="ArgumentException">There is not one.</exception>
    public long RowsPerEpoch(long tokens)
    {
        long microStep = Rows * Lanes;
        var rows = tokens / RowTokens / microStep * microStep;
        return rows > 0
            ? rows
            : throw new ArgumentException(
                $"A training set of {tokens} tokens is too short: {Lanes} lanes of {Rows} rows of {RowTokens} tokens take "
                    + $"{microStep * RowTokens}. Take more text, or smaller micro-batches.",
                nameof(tokens)
            );
    }

    /// <summary>Tokens that a data epoch trains on, as upstream counts them: targets.</summary>
    public long TokensPerEpoch(long tokens) => RowsPerEpoch(tokens) * SequenceLength;
}
