namespace Slowrun.Core.Efficiency;

/// <summary>A model's loss on the validation set, summed over blocks of neighbouring targets.</summary>
/// <param name="SumsNats">-ln p(target), summed in each block.</param>
/// <param name="Targets">Of each block.</param>
public sealed record LossBlocks(IReadOnlyList<double> SumsNats, IReadOnlyList<int> Targets)
{
    /// <summary>Targets of a block: neighbours share a document, and blocks of this length hardly share anything.</summary>
    public const int BlockTargets = 512;

    // Fewer blocks than that say little about their spread.
    private const int FewestBlocks = 32;

    // More change an interval by nothing to speak of, and cost time: of large sets blocks are longer.
    private const int MostBlocks = 256;

    /// <param name="nats">-ln p of each target, in the set's order.</param>
    public static LossBlocks Of(int targets, Func<int, double> nats)
    {
        ArgumentNullException.ThrowIfNull(nats);
        var length = Math.Max(Math.Clamp(targets / FewestBlocks, 1, BlockTargets), (targets + MostBlocks - 1) / MostBlocks);
        var sums = new double[(targets + length - 1) / length];
        var counts = new int[sums.Length];
        for (var i = 0; i < targets; i++)
        {
            sums[i / length] += nats(i);
            counts[i / length]++;
        }

        return new LossBlocks(sums, counts);
    }

    /// <summary>Mean over the targets of some blocks, each as often as it is drawn.</summary>
    internal double LossNats(ReadOnlySpan<int> drawn)
    {
        double sum = 0;
        long targets = 0;
        foreach (var block in drawn)
        {
            sum += SumsNats[block];
            targets += Targets[block];
        }

        return sum / targets;
    }

    public bool Equals(LossBlocks? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
