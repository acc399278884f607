using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>An exponential moving average of the weights (record 9's values).</summary>
public sealed record EmaRecipe
{
    public EmaForm Form { get; init; } = EmaForm.FromFirstWeights;

    /// <summary>What an update leaves of the old average.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Decay { get; init; } = 0.95;

    /// <summary>What a whole data epoch leaves of it; in place of <see cref="Decay"/> (the 15-minute track: 0.15).</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double? DecayPerEpoch { get; init; }

    /// <summary>Steps between updates.</summary>
    [Range(1, int.MaxValue)]
    public int Every { get; init; } = 10;

    /// <summary>Fraction of the steps before the first update.</summary>
    [Range(0.0, 1.0)]
    public double FromFraction { get; init; } = 0.9;

    /// <summary>Share of the last weights in the blend; the rest is the average's.</summary>
    [Range(0.0, 1.0)]
    public double LastShare { get; init; } = 0.6;
}
