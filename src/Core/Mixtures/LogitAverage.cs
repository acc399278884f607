namespace Slowrun.Core.Mixtures;

/// <summary>Upstream's older way of mixing (up to record 9): the softmax of the mean of the members' logits.</summary>
public static class LogitAverage
{
    /// <summary>-ln p(target) of one position, in nats.</summary>
    /// <param name="logits">Each member's logits of the position.</param>
    public static double Nats(IReadOnlyList<ReadOnlyMemory<float>> logits, int target)
    {
        ArgumentNullException.ThrowIfNull(logits);
        var mean = new double[logits[0].Length];
        foreach (var member in logits)
        {
            var span = member.Span;
            for (var v = 0; v < mean.Length; v++)
            {
                mean[v] += span[v] / (double)logits.Count;
            }
        }

        var highest = mean.Max();
        return Math.Log(mean.Sum(z => Math.Exp(z - highest))) + highest - mean[target];
    }
}
