using Slowrun.Core.Randomness;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Core.Order;

/// <summary>
/// Which rows the i-th micro-batch of a training consists of: a pure function of (rule, seed, i), with no position to carry along. Safe
/// to call from several threads. Keeps the orders of the two data epochs asked for last: a step can lie in two.
/// </summary>
public sealed class DataOrder
{
    private readonly DataOrderRule rule;
    private readonly TokenSet tokens;
    private readonly DataShape shape;
    private readonly long seed;
    private readonly long fileSeed;
    private readonly int allRows;
    private readonly Lock gate = new();
    private readonly Dictionary<int, EpochRows> cached = [];
    private (int Epoch, int[] Order)? cumulative;

    /// <param name="seed">The stage's.</param>
    /// <param name="fileSeed">What upstream's data files are shuffled with, where the rule shuffles once and for all.</param>
    /// <exception cref="ArgumentException">The set is too short for one micro-step.</exception>
    public DataOrder(DataOrderRule rule, TokenSet tokens, DataShape shape, long seed, long fileSeed = 0)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(shape);
        this.rule = rule;
        this.tokens = tokens;
        this.shape = shape;
        this.seed = seed;
        this.fileSeed = fileSeed;
        allRows = checked((int)(tokens.Length / shape.RowTokens));
        MicroBatchesPerEpoch = checked((int)(shape.RowsPerEpoch(tokens.Length) / shape.Rows));
    }

    /// <summary>Whole micro-batches of a data epoch; the same for each epoch, a multiple of the lanes.</summary>
    public int MicroBatchesPerEpoch { get; }

    private int RowsPerEpoch => MicroBatchesPerEpoch * shape.Rows;

    /// <param name="microBatch">Counted from the training's beginning: step · micro-batches a step + i.</param>
    /// <returns>Its data epoch, from 1.</returns>
    public int DataEpoch(long microBatch) => checked((int)(1 + (microBatch / MicroBatchesPerEpoch)));

    /// <summary>Copies a micro-batch's rows, one after the other.</summary>
    /// <param name="into">Rows · (SequenceLength + 1) token ids.</param>
    public void Read(long microBatch, Span<int> into)
    {
        var epoch = Rows(DataEpoch(microBatch));
        var first = (int)(microBatch % MicroBatchesPerEpoch) * shape.Rows;
        for (var row = 0; row < shape.Rows; row++)
        {
            epoch.Read(first + row, into.Slice(row * shape.RowTokens, shape.RowTokens));
        }
    }

    /// <param name="dataEpoch">From 1.</param>
    public EpochRows Rows(int dataEpoch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dataEpoch, 1);
        lock (gate)
        {
            if (!cached.TryGetValue(dataEpoch, out var rows))
            {
                rows = Compute(dataEpoch);
                if (cached.Count == 2)
                {
                    cached.Remove(cached.Keys.MaxBy(epoch => Math.Abs(epoch - dataEpoch)));
                }

                cached.Add(dataEpoch, rows);
            }

            return rows;
        }
    }

    private EpochRows Compute(int epoch)
    {
        var (documents, order) = rule switch
        {
            DataOrderRule.Sequences => (null, Mt19937.Permutation(seed + epoch, RowsPerEpoch)),
            DataOrderRule.AllSequences => (null, Mt19937.Permutation(seed + epoch, allRows)),
            DataOrderRule.Rows => (null, Through(Base(allRows), Mt19937.Permutation((1009 * seed) + epoch, allRows))),
            DataOrderRule.Evaluation => (null, Through(Base(allRows), Mt19937.Permutation(seed + epoch, RowsPerEpoch))),
            DataOrderRule.Documents => (Stream(epoch), Mt19937.Permutation((1009 * seed) + epoch + 2000, allRows)),
            DataOrderRule.TrackDocuments => (Stream(epoch), Mt19937.Permutation(epoch + 1000, allRows)),
            DataOrderRule.TrackRows => (null, TrackRows(epoch)),
            _ => throw new InvalidOperationException($"No data order '{rule}'."),
        };
        return new EpochRows(tokens, documents, order[..RowsPerEpoch], shape.RowTokens);
    }

    private int[] Base(int n) => Mt19937.Permutation((fileSeed + (1009 * seed)) & 0x7fffffff, n);

    private DocumentStream Stream(int epoch) => new(tokens, Cumulative(epoch, tokens.DocumentStarts.Count));

    private int[] TrackRows(int epoch)
    {
        var rows = NumpyPermutation.Of(fileSeed, allRows);
        var microStep = shape.Rows * shape.Lanes;
        return [.. Cumulative(epoch, RowsPerEpoch / microStep).SelectMany(step => rows.AsSpan(step * microStep, microStep).ToArray())];
    }

    /// <summary>The order after each epoch's permutation was applied to that of the epoch before. Going back starts anew.</summary>
    private int[] Cumulative(int epoch, int n)
    {
        var (done, order) = cumulative is { } kept && kept.Epoch <= epoch ? kept : (0, [.. Enumerable.Range(0, n)]);
        for (var e = done + 1; e <= epoch; e++)
        {
            if (rule == DataOrderRule.Documents)
            {
                order = Through(order, Mt19937.Permutation((1009 * seed) + e + 1000, n));
            }
            else if (e > 1)
            {
                order = Through(order, Mt19937.Permutation(e, n));
            }
        }

        cumulative = (epoch, order);
        return order;
    }

    private static int[] Through(int[] order, int[] permutation) => Array.ConvertAll(permutation, i => order[i]);
}
