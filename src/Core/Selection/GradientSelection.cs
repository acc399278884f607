using Slowrun.Core.Mixtures;
using Slowrun.Core.Randomness;

namespace Slowrun.Core.Selection;

/// <summary>
/// Learns mixture weights of candidate members on the fitness set (record 12): AdamW on the logits of a softmax over members, against the
/// loss of the mixture of their stored p(target). Which weights come out is a function of the members and the seed alone.
/// </summary>
public static class GradientSelection
{
    // Upstream's: at this rate the fit is over after 300 steps, whatever the number of members.
    private const double LearningRate = 0.5;
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;
    private const double ClipNorm = 1.0;

    /// <param name="members">p(target) of each candidate on the fitness set.</param>
    /// <param name="observe">Called after each step with its number (from 1), the logits, and the loss before the step.</param>
    /// <param name="threads">Their number changes no bit.</param>
    /// <returns>Weights that sum to 1, and their loss in nats.</returns>
    public static FittedMixture Fit(
        IReadOnlyList<ReadOnlyMemory<float>> members,
        long seed,
        int steps = 300,
        Action<int, IReadOnlyList<double>, double>? observe = null,
        int threads = 1
    )
    {
        ArgumentNullException.ThrowIfNull(members);
        var logits = InitialLogits(members.Count, seed);
        var first = new double[members.Count];
        var second = new double[members.Count];
        for (var step = 1; step <= steps; step++)
        {
            var weights = Softmax(logits);
            var (loss, byWeight) = MixtureGradient.Of(members, weights, threads);
            var gradient = ThroughSoftmax(weights, byWeight);
            Clip(gradient);
            for (var m = 0; m < gradient.Length; m++)
            {
                first[m] += (1 - Beta1) * (gradient[m] - first[m]);
                second[m] += (1 - Beta2) * ((gradient[m] * gradient[m]) - second[m]);
                var root = Math.Sqrt(second[m] / (1 - Math.Pow(Beta2, step))) + Epsilon;
                logits[m] -= LearningRate / (1 - Math.Pow(Beta1, step)) * first[m] / root;
            }

            observe?.Invoke(step, logits, loss);
        }

        var fitted = Softmax(logits);
        return new FittedMixture(fitted, MixtureGradient.Of(members, fitted, threads).LossNats);
    }

    /// <summary>The k members of the highest weight, in their order, with weights that sum to 1 again.</summary>
    /// <param name="weights">One a candidate.</param>
    /// <param name="k">All, if there are fewer.</param>
    public static SelectedMembers Top(IReadOnlyList<double> weights, int k)
    {
        ArgumentNullException.ThrowIfNull(weights);
        int[] members = [.. Enumerable.Range(0, weights.Count).OrderByDescending(m => weights[m]).Take(k).Order()];
        var total = members.Sum(m => weights[m]);
        return new SelectedMembers(members, [.. members.Select(m => weights[m] / total)]);
    }

    /// <summary>Loss of a selection, in nats, on the set that <paramref name="members"/> were scored on.</summary>
    public static double LossNats(IReadOnlyList<ReadOnlyMemory<float>> members, SelectedMembers selected)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(selected);
        return Mixture.LossNats(selected.Members.Select(m => members[m]), selected.Weights);
    }

    private static double[] InitialLogits(int n, long seed)
    {
        var noise = new float[n];
        new Mt19937(seed).NextNormals(noise);
        return Array.ConvertAll(noise, z => 1e-4 * z);
    }

    private static double[] Softmax(double[] logits)
    {
        var highest = logits.Max();
        var exponentials = Array.ConvertAll(logits, logit => Math.Exp(logit - highest));
        var sum = exponentials.Sum();
        return Array.ConvertAll(exponentials, e => e / sum);
    }

    private static double[] ThroughSoftmax(double[] weights, double[] byWeight)
    {
        var mean = weights.Zip(byWeight, (w, g) => w * g).Sum();
        return [.. weights.Zip(byWeight, (w, g) => w * (g - mean))];
    }

    private static void Clip(double[] gradient)
    {
        var norm = Math.Sqrt(gradient.Sum(g => g * g));
        var scale = Math.Min(1, ClipNorm / (norm + 1e-6));
        for (var m = 0; m < gradient.Length; m++)
        {
            gradient[m] *= scale;
        }
    }
}
