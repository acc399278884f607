namespace Slowrun.Core.Mixtures;

/// <summary>
/// A weighted mean of members' stored p(target), summed in double precision one member at a time: any number of members takes the memory
/// of one, and every prefix of them can be judged on the way.
/// </summary>
/// <param name="tokens">Targets of the evaluation set.</param>
public sealed class ProbabilityMixture(int tokens)
{
    private readonly double[] sums = new double[tokens];

    private double totalWeight;

    public int Members { get; private set; }

    /// <summary>Adds a member.</summary>
    /// <param name="p">p(target) for every target, in order.</param>
    /// <param name="weight">Relative to the others'; not negative.</param>
    /// <exception cref="ArgumentException">Of another length: of another evaluation set.</exception>
    public void Add(ReadOnlySpan<float> p, double weight = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(weight);
        if (p.Length != sums.Length)
        {
            throw new ArgumentException($"A member has {p.Length} probabilities, the mixture {sums.Length} targets.", nameof(p));
        }

        for (var i = 0; i < p.Length; i++)
        {
            sums[i] += weight * p[i];
        }

        totalWeight += weight;
        Members++;
    }

    /// <summary>-ln of the mixture's p(target), at most -ln 1e-12, in nats.</summary>
    public double Nats(int target) => -Math.Log(Math.Max(sums[target] / totalWeight, Mixture.SmallestProbability));

    /// <summary>Mean over all targets, in nats.</summary>
    public double LossNats()
    {
        double sum = 0;
        for (var i = 0; i < sums.Length; i++)
        {
            sum += Nats(i);
        }

        return sum / sums.Length;
    }

    /// <summary>Bits per byte of text.</summary>
    /// <param name="targetBytes">Bytes that each target stands for; targets of none (special tokens) do not count.</param>
    public double BitsPerByte(ReadOnlySpan<int> targetBytes)
    {
        var bits = new BitsPerByte();
        for (var i = 0; i < sums.Length; i++)
        {
            bits.Add(Nats(i), targetBytes[i]);
        }

        return bits.Value;
    }
}
