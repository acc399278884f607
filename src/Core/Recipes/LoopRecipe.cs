using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Layers [Start, End) are passed <see cref="Replays"/> more times, from a fraction of the training on.</summary>
public sealed record LoopRecipe
{
    /// <summary>At least half the layers: the U-Net's encoder is never looped.</summary>
    [Range(0, 1_024)]
    public required int Start { get; init; }

    [Range(1, 1_024)]
    public required int End { get; init; }

    /// <summary>EXTRA passes: upstream's "four loops" are four extra passes, five in all.</summary>
    [Range(1, 64, ErrorMessage = "extra passes")]
    public int Replays { get; init; } = 4;

    /// <summary>Looping begins with the data epoch after this fraction of them, rounded up; 0: always.</summary>
    [Range(0.0, 1.0)]
    public double FromFraction { get; init; } = 0.5;
}
