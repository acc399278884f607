namespace Slowrun.Core.Schedules;

/// <summary>Weights of the targets ahead in multi-token prediction: they fall to 0 in turn, the furthest first (the 15-minute
/// track).</summary>
public static class FutureTokenWeights
{
    /// <param name="weights">At the start, of targets t+1, t+2, … after the next one.</param>
    /// <param name="annealFraction">Fraction of the steps by which all have fallen to 0; each takes an equal part of it.</param>
    /// <returns>In float32, in which upstream holds them.</returns>
    public static float[] At(int step, int steps, IReadOnlyList<double> weights, double annealFraction)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var result = new float[weights.Count];
        for (var i = 0; i < result.Length; i++)
        {
            // The furthest falls in the first part, the one before it in the second.
            var part = annealFraction * steps / weights.Count;
            var begin = (weights.Count - 1 - i) * part;
            var remaining = Math.Clamp(1 - ((step - begin) / part), 0, 1);
            result[i] = (float)(weights[i] * remaining);
        }

        return result;
    }
}
