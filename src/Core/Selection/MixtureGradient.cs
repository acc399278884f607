using Slowrun.Core.Mixtures;

namespace Slowrun.Core.Selection;

/// <summary>
/// Loss of a mixture and its gradient by the members' weights, in one pass over the members' probabilities: hundreds of members on a
/// hundred thousand targets are hundreds of megabytes, and reading them is what takes the time.
/// </summary>
internal static class MixtureGradient
{
    /// <returns>Mean -ln p in nats, and its derivative by each member's weight.</returns>
    public static (double LossNats, double[] Gradient) Of(IReadOnlyList<ReadOnlyMemory<float>> members, IReadOnlyList<double> weights)
    {
        var targets = members[0].Length;
        var gradient = new double[members.Count];
        var mixed = new double[BlockArithmetic.Block];
        double loss = 0;
        for (var start = 0; start < targets; start += mixed.Length)
        {
            var count = Math.Min(mixed.Length, targets - start);
            var block = mixed.AsSpan(0, count);
            block.Clear();
            for (var m = 0; m < members.Count; m++)
            {
                BlockArithmetic.AddScaled(members[m].Span.Slice(start, count), weights[m], block);
            }

            foreach (ref var p in block)
            {
                loss -= Math.Log(Math.Max(p, Mixture.SmallestProbability));
                // Where the bound holds, the loss does not depend on the weights.
                p = p >= Mixture.SmallestProbability ? 1 / p : 0;
            }

            for (var m = 0; m < members.Count; m++)
            {
                gradient[m] -= BlockArithmetic.Dot(members[m].Span.Slice(start, count), block) / targets;
            }
        }

        return (loss / targets, gradient);
    }
}
