using Slowrun.Core.Mixtures;

namespace Slowrun.Core.Selection;

/// <summary>
/// Loss of a mixture and its gradient by the members' weights, in one pass over the members' probabilities: hundreds of members on a
/// hundred thousand targets are hundreds of megabytes, and reading them is what takes the time.
/// </summary>
internal static class MixtureGradient
{
    /// <param name="threads">Their number changes no bit.</param>
    /// <returns>Mean -ln p in nats, and its derivative by each member's weight.</returns>
    public static (double LossNats, double[] Gradient) Of(
        IReadOnlyList<ReadOnlyMemory<float>> members,
        IReadOnlyList<double> weights,
        int threads = 1
    )
    {
        var targets = members[0].Length;
        var gradient = new double[members.Count];
        double loss = 0;
        new BlockPass(targets, members.Count, threads).Run(
            (start, logs, dots) =>
            {
                Span<double> mixed = stackalloc double[logs.Length];
                mixed.Clear();
                for (var m = 0; m < members.Count; m++)
                {
                    BlockArithmetic.AddScaled(members[m].Span.Slice(start, mixed.Length), weights[m], mixed);
                }

                for (var i = 0; i < mixed.Length; i++)
                {
                    var p = mixed[i];
                    logs[i] = Math.Log(Math.Max(p, Mixture.SmallestProbability));
                    // Where the bound holds, the loss does not depend on the weights.
                    mixed[i] = p >= Mixture.SmallestProbability ? 1 / p : 0;
                }

                for (var m = 0; m < members.Count; m++)
                {
                    dots[m] = BlockArithmetic.Dot(members[m].Span.Slice(start, mixed.Length), mixed);
                }
            },
            (_, logs, dots) =>
            {
                foreach (var log in logs)
                {
                    loss -= log;
                }

                for (var m = 0; m < gradient.Length; m++)
                {
                    gradient[m] -= dots[m] / targets;
                }
            }
        );
        return (loss / targets, gradient);
    }
}
