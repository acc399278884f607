using Slowrun.Core.Tokens;

namespace Slowrun.Core.Mixtures;

/// <summary>Arithmetic on stored p(target) vectors: what a member or a mixture of members loses on a set. Sums are in double, in order.</summary>
public static class Mixture
{
    // Below this a probability counts as this, as upstream's ensembles count it.
    private const double Floor = 1e-12;

    /// <summary>Mean of -ln max(p, 1e-12), in nats per token.</summary>
    public static double LossNats(ReadOnlySpan<double> p)
    {
        var sum = 0.0;
        foreach (var value in p)
        {
            sum -= Math.Log(Math.Max(value, Floor));
        }

        return sum / p.Length;
    }

    /// <summary>The loss in bits per UTF-8 byte of text; targets that stand for no byte (special tokens) are left out.</summary>
    /// <param name="p">p(target) of every token of <paramref name="set"/> but the first.</param>
    public static double BitsPerByte(ReadOnlySpan<double> p, TokenSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var targets = new int[p.Length];
        set.Read(1, targets);
        var nats = 0.0;
        long bytes = 0;
        for (var i = 0; i < p.Length; i++)
        {
            var length = set.TokenBytes[targets[i]];
            if (length > 0)
            {
                nats -= Math.Log(Math.Max(p[i], Floor));
                bytes += length;
            }
        }

        return nats / (Math.Log(2) * bytes);
    }

    /// <summary>Adds one member's weighted probabilities to a mixture.</summary>
    public static void Add(Span<double> mixture, ReadOnlySpan<float> member, double weight)
    {
        for (var i = 0; i < mixture.Length; i++)
        {
            mixture[i] += weight * member[i];
        }
    }

    /// <summary>The values as doubles: a member alone is a mixture of one.</summary>
    public static double[] Of(ReadOnlySpan<float> member)
    {
        var mixture = new double[member.Length];
        Add(mixture, member, 1);
        return mixture;
    }
}
