namespace Slowrun.Core.Mixtures;

/// <summary>Losses of mixtures of members, from their stored p(target) on one evaluation set.</summary>
public static class Mixture
{
    /// <summary>Bounds the loss of a target to 27.6 nats, however small its probability is in all members.</summary>
    public const double SmallestProbability = 1e-12;

    /// <summary>Loss of the weighted mixture of all members, in nats per target.</summary>
    /// <param name="members">Read one after the other.</param>
    /// <param name="weights">One a member; null: all alike.</param>
    public static double LossNats(IEnumerable<ReadOnlyMemory<float>> members, IReadOnlyList<double>? weights = null) =>
        Of(members, weights).LossNats();

    /// <summary>The weighted mixture of all members.</summary>
    /// <exception cref="ArgumentException">There is no member, or not one weight for each.</exception>
    public static ProbabilityMixture Of(IEnumerable<ReadOnlyMemory<float>> members, IReadOnlyList<double>? weights = null)
    {
        ArgumentNullException.ThrowIfNull(members);
        ProbabilityMixture? mixture = null;
        var n = 0;
        foreach (var p in members)
        {
            mixture ??= new ProbabilityMixture(p.Length);
            mixture.Add(
                p.Span,
                weights is null ? 1
                    : n < weights.Count ? weights[n]
                    : throw Mismatch(n + 1)
            );
            n++;
        }

        return mixture is not null && (weights is null || weights.Count == n) ? mixture : throw Mismatch(n);

        ArgumentException Mismatch(int found) =>
            new(
                $"There are {found} members or more and {weights?.Count ?? found} weights; a mixture takes one member at least, and a weight each."
            );
    }
}
