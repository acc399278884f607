using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// Fewer layers for the first part of a stage (the depth schedule of upstream's universal transformer). Half of them are the encoder's
/// first, half the decoder's last: the network grows in its middle.
/// </summary>
/// <param name="UntilFraction">Fraction of the stage's steps after which the phase ends.</param>
/// <param name="Layers">An even number, less than the model's.</param>
public sealed record DepthPhase(
    [property: Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)] double UntilFraction,
    [property: Range(2, 1_024)] int Layers
)
{
    /// <summary>Fraction of the stage's steps after which a layer takes part.</summary>
    /// <param name="phases">Null: every layer does from the start.</param>
    /// <param name="layers">Of the model.</param>
    public static double StartOf(IReadOnlyList<DepthPhase>? phases, int layers, int layer)
    {
        var fromOutside = Math.Min(layer, layers - 1 - layer);
        return (phases ?? []).Where(phase => phase.Layers / 2 <= fromOutside).Select(phase => phase.UntilFraction).DefaultIfEmpty().Max();
    }
}
