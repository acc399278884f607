namespace Slowrun.Training.Models;

/// <summary>
/// Skips whole blocks (arXiv:1603.09382): block i of L with probability max·i/(L-1), each visit drawing anew, nothing rescaled. The
/// multi-token block counts as layer L.
/// </summary>
/// <param name="uniforms">The next number in [0, 1); called once for each visit of a layer that can be skipped.</param>
internal sealed class StochasticDepth(double maximum, int layers, Func<double> uniforms)
{
    public bool Keeps(int layer)
    {
        var probability = Probability(maximum, layers, layer);
        return probability <= 0 || uniforms() >= probability;
    }

    public static double Probability(double maximum, int layers, int layer) => maximum * layer / Math.Max(layers - 1, 1);
}
