using Slowrun.Training.Models;

namespace Slowrun.Training.Inference;

/// <summary>Chooses tokens by their probabilities. Which one is a function of these, the seed and the step alone.</summary>
/// <param name="Temperature">Probabilities count to the power of its inverse; 0: always the likeliest.</param>
/// <param name="TopK">Only the k likeliest; null: all.</param>
public sealed record TokenChoice(double Temperature = 1, int? TopK = null, long Seed = 0)
{
    private readonly ulong key = CounterRandom.Key((ulong)Seed, 0x73616D706C65);

    /// <param name="probabilities">Of all token ids; of equal ones the first is the likelier.</param>
    /// <param name="step">Tokens chosen before.</param>
    public int Choose(ReadOnlySpan<double> probabilities, long step)
    {
        var likeliest = Likeliest(probabilities);
        if (Temperature == 0 || TopK == 1)
        {
            return likeliest;
        }

        // Relative to the likeliest: at a low temperature the powers themselves would all be 0.
        var highest = Math.Log(probabilities[likeliest]);
        var weights = new double[probabilities.Length];
        double total = 0;
        foreach (var id in Candidates(probabilities))
        {
            weights[id] = Math.Exp((Math.Log(probabilities[id]) - highest) / Temperature);
            total += weights[id];
        }

        var left = CounterRandom.Uniform(key, (ulong)step) * total;
        for (var id = 0; id < weights.Length; id++)
        {
            left -= weights[id];
            if (left < 0)
            {
                return id;
            }
        }

        // The differences' rounding can leave a trace above 0.
        return likeliest;
    }

    private static int Likeliest(ReadOnlySpan<double> probabilities)
    {
        var best = 0;
        for (var id = 1; id < probabilities.Length; id++)
        {
            best = probabilities[id] > probabilities[best] ? id : best;
        }

        return best;
    }

    private IEnumerable<int> Candidates(ReadOnlySpan<double> probabilities)
    {
        var ids = Enumerable.Range(0, probabilities.Length);
        if (TopK is not { } k || k >= probabilities.Length)
        {
            return ids;
        }

        // A stable sort: of equal ones the first stay.
        var given = probabilities.ToArray();
        return ids.OrderByDescending(id => given[id]).Take(k);
    }
}
