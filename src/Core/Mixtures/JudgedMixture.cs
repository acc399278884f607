namespace Slowrun.Core.Mixtures;

/// <summary>What a mixture comes to on the set that its members were scored on.</summary>
/// <param name="LossNats">To the bit what <see cref="ProbabilityMixture"/> gives.</param>
/// <param name="WithoutNats">For each member the loss of the mixture of all others, weighted as before; null where no other has weight.</param>
public sealed record JudgedMixture(double LossNats, double BitsPerByte, IReadOnlyList<double?> WithoutNats)
{
    /// <summary>
    /// Judges a mixture in one pass over all members' vectors side by side, a block of targets at a time: beside the vectors, which may
    /// be mapped files larger than memory, it holds a few kilobytes.
    /// </summary>
    /// <param name="members">p(target) of each, in the ensemble's order.</param>
    /// <param name="weights">One each, not negative, relative to each other.</param>
    /// <param name="targetBytes">Bytes that each target stands for.</param>
    /// <param name="progress">Told now and then how many targets are judged.</param>
    /// <exception cref="ArgumentException">There is no member with weight, or the lengths differ.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static JudgedMixture Of(
        IReadOnlyList<ReadOnlyMemory<float>> members, IReadOnlyList<double> weights, ReadOnlySpan<int> targetBytes, Action<long>? progress = null, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(weights);
        var targets = targetBytes.Length;
        if (members.Count != weights.Count || weights.Any(weight => !(weight >= 0)) || !(weights.Sum() > 0))
        {
            throw new ArgumentException($"A mixture of {members.Count} members needs as many weights, none negative and not all 0.", nameof(weights));
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
        var block = new double[BlockArithmetic.Block];
        for (var start = 0; start < targets; start += block.Length)
        {
            stop.ThrowIfCancellationRequested();
            var mixed = block.AsSpan(0, Math.Min(block.Length, targets - start));
            mixed.Clear();
            for (var m = 0; m < members.Count; m++)
            {
                BlockArithmetic.AddScaled(members[m].Span.Slice(start, mixed.Length), weights[m], mixed);
            }

            for (var i = 0; i < mixed.Length; i++)
            {
                var nats = -Math.Log(Math.Max(mixed[i] / total, Mixture.SmallestProbability));
                loss += nats;
                bits.Add(nats, targetBytes[start + i]);
            }

            for (var m = 0; m < members.Count; m++)
            {
                logs[m] += BlockArithmetic.SumOfLogsWithout(
                    members[m].Span.Slice(start, mixed.Length), weights[m], mixed, total - weights[m], Mixture.SmallestProbability);
            }

            progress?.Invoke(start + mixed.Length);
        }

        return new JudgedMixture(
            loss / targets, bits.Value, [.. weights.Select((weight, m) => weights.Index().Any(other => other.Index != m && other.Item > 0) ? -logs[m] / targets : (double?)null)]);
    }
}
