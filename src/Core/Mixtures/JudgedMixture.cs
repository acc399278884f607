namespace Slowrun.Core.Mixtures;

/// <summary>The losses of a mixture on the set that its members were scored on.</summary>
/// <param name="LossNats">To the bit what <see cref="ProbabilityMixture"/> gives.</param>
/// <param name="WithoutNats">For each member the loss of the mixture of all others, weighted as before; null where no other has
/// weight.</param>
public sealed record JudgedMixture(double LossNats, double BitsPerByte, IReadOnlyList<double?> WithoutNats)
{
    /// <summary>
    /// Judges a mixture in one pass over all members' vectors side by side, a block of targets at a time: beside the vectors, which may
    /// be mapped files larger than memory, it holds a megabyte or two.
    /// </summary>
    /// <param name="members">p(target) of each, in the ensemble's order.</param>
    /// <param name="weights">One each, not negative, relative to each other.</param>
    /// <param name="targetBytes">Bytes that each target stands for.</param>
    /// <param name="threads">Their number changes no bit.</param>
    /// <param name="progress">Called now and then with the number of targets judged.</param>
    /// <exception cref="ArgumentException">There is no member with weight, or the lengths differ.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static JudgedMixture Of(
        IReadOnlyList<ReadOnlyMemory<float>> members,
        IReadOnlyList<double> weights,
        IReadOnlyList<int> targetBytes,
        int threads = 1,
        Action<long>? progress = null,
        CancellationToken stop = default
    )
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(targetBytes);
        var targets = targetBytes.Count;
        if (members.Count != weights.Count || weights.Any(weight => !(weight >= 0)) || !(weights.Sum() > 0))
        {
            throw new ArgumentException(
                $"A mixture of {members.Count} members needs as many weights, none negative and not all 0.",
                nameof(weights)
            );
        }

        foreach (var member in members)
        {
            if (member.Length != targets)
            {
                throw new ArgumentException($"A member has {member.Length} probabilities, the set {targets} targets.", nameof(members));
            }
        }

        double total = 0;
        foreach (var weight in weights)
        {
            total += weight;
        }

        var logs = new double[members.Count];
        var bits = new BitsPerByte();
        double loss = 0;
        var pass = new BlockPass(targets, members.Count, threads);
        pass.Run(
            (start, nats, without) =>
            {
                nats.Clear();
                for (var m = 0; m < members.Count; m++)
                {
                    BlockArithmetic.AddScaled(members[m].Span.Slice(start, nats.Length), weights[m], nats);
                }

                for (var m = 0; m < members.Count; m++)
                {
                    without[m] = BlockArithmetic.SumOfLogsWithout(
                        members[m].Span.Slice(start, nats.Length),
                        weights[m],
                        nats,
                        total - weights[m],
                        Mixture.SmallestProbability
                    );
                }

                foreach (ref var p in nats)
                {
                    p = -Math.Log(Math.Max(p / total, Mixture.SmallestProbability));
                }
            },
            (start, nats, without) =>
            {
                stop.ThrowIfCancellationRequested();
                for (var i = 0; i < nats.Length; i++)
                {
                    loss += nats[i];
                    bits.Add(nats[i], targetBytes[start + i]);
                }

                for (var m = 0; m < logs.Length; m++)
                {
                    logs[m] += without[m];
                }

                progress?.Invoke(start + nats.Length);
            }
        );
        return new JudgedMixture(
            loss / targets,
            bits.Value,
            [
                .. weights.Select(
                    (weight, m) => weights.Index().Any(other => other.Index != m && other.Item > 0) ? -logs[m] / targets : (double?)null
                ),
            ]
        );
    }

    public bool Equals(JudgedMixture? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
