using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// Multi-token prediction without parameters of its own: position t's logits are scored on targets t+1, t+2, … with falling weights
/// (the 15-minute track).
/// </summary>
public sealed record FutureTokensRecipe
{
    /// <summary>Weights of the targets after the next one at the start.</summary>
    [Range(0, double.PositiveInfinity)]
    public IReadOnlyList<double> Weights { get; init; } = [0.5, 0.25];

    /// <summary>Fraction of the steps by which all of them have fallen to 0, the furthest first.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double AnnealFraction { get; init; } = 0.66;

    public bool Equals(FutureTokensRecipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
