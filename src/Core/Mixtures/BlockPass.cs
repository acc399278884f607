namespace Slowrun.Core.Mixtures;

/// <summary>
/// One pass over a set's targets, a block at a time: blocks are computed on several threads, and their results are added in the blocks'
/// order, so that the number of threads changes no bit.
/// </summary>
/// <param name="targets">Of the set.</param>
/// <param name="members">Numbers per block, besides those of its targets.</param>
internal sealed class BlockPass(int targets, int members, int threads)
{
    // Enough for some dozens of threads, and still little memory.
    private const int BlocksAtOnce = 64;

    private readonly double[] byTarget = new double[BlocksAtOnce * BlockArithmetic.Block];
    private readonly double[] byMember = new double[BlocksAtOnce * members];

    /// <param name="start">The block's first target.</param>
    /// <param name="byTarget">One number for each target of the block.</param>
    /// <param name="byMember">One for each member.</param>
    public delegate void Work(int start, Span<double> byTarget, Span<double> byMember);

    /// <param name="compute">Fills a block's numbers; called from several threads.</param>
    /// <param name="add">Called for each block in order, on this thread.</param>
    public void Run(Work compute, Work add)
    {
        var limits = new ParallelOptions { MaxDegreeOfParallelism = threads };
        var blocks = (targets + BlockArithmetic.Block - 1) / BlockArithmetic.Block;
        for (var first = 0; first < blocks; first += BlocksAtOnce)
        {
            var count = Math.Min(BlocksAtOnce, blocks - first);
            var from = first;
            if (threads == 1)
            {
                for (var b = 0; b < count; b++)
                {
                    Do(compute, from, b);
                }
            }
            else
            {
                Parallel.For(0, count, limits, b => Do(compute, from, b));
            }

            for (var b = 0; b < count; b++)
            {
                Do(add, from, b);
            }
        }
    }

    private void Do(Work work, int first, int b)
    {
        var start = (first + b) * BlockArithmetic.Block;
        work(
            start,
            byTarget.AsSpan(b * BlockArithmetic.Block, Math.Min(BlockArithmetic.Block, targets - start)),
            byMember.AsSpan(b * members, members)
        );
    }
}
