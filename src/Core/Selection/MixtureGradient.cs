using System.Runtime.Intrinsics;
using Slowrun.Core.Mixtures;

namespace Slowrun.Core.Selection;

/// <summary>
/// Loss of a mixture and its gradient by the members' weights, in one pass over the members' probabilities: hundreds of members on a
/// hundred thousand targets are hundreds of megabytes, and reading them is what takes the time.
/// </summary>
internal static class MixtureGradient
{
    // A block of a few hundred members stays in the second-level cache between the two times it is read.
    private const int Block = 1024;

    /// <returns>Mean -ln p in nats, and its derivative by each member's weight.</returns>
    public static (double LossNats, double[] Gradient) Of(IReadOnlyList<ReadOnlyMemory<float>> members, IReadOnlyList<double> weights)
    {
        var targets = members[0].Length;
        var gradient = new double[members.Count];
        var mixed = new double[Block];
        double loss = 0;
        for (var start = 0; start < targets; start += Block)
        {
            var count = Math.Min(Block, targets - start);
            var block = mixed.AsSpan(0, count);
            block.Clear();
            for (var m = 0; m < members.Count; m++)
            {
                AddScaled(members[m].Span.Slice(start, count), weights[m], block);
            }

            foreach (ref var p in block)
            {
                loss -= Math.Log(Math.Max(p, Mixture.SmallestProbability));
                // Where the bound holds, the loss does not depend on the weights.
                p = p >= Mixture.SmallestProbability ? 1 / p : 0;
            }

            for (var m = 0; m < members.Count; m++)
            {
                gradient[m] -= Dot(members[m].Span.Slice(start, count), block) / targets;
            }
        }

        return (loss / targets, gradient);
    }

    private static void AddScaled(ReadOnlySpan<float> x, double scale, Span<double> into)
    {
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            (Vector256.Create(into[i..]) + (scale * Widened(x[i..]))).CopyTo(into[i..]);
        }

        for (; i < x.Length; i++)
        {
            into[i] += scale * x[i];
        }
    }

    /// <summary>Four partial sums on every machine: wider vectors would add in another order, and give other bits.</summary>
    private static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<double> y)
    {
        var sums = Vector256<double>.Zero;
        var i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            sums += Widened(x[i..]) * Vector256.Create(y[i..]);
        }

        var sum = sums[0] + sums[1] + (sums[2] + sums[3]);
        for (; i < x.Length; i++)
        {
            sum += x[i] * y[i];
        }

        return sum;
    }

    private static Vector256<double> Widened(ReadOnlySpan<float> x)
    {
        var four = Vector128.Create(x);
        return Vector256.Create(Vector128.WidenLower(four), Vector128.WidenUpper(four));
    }
}
