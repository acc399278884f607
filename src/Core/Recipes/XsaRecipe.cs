using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Exclusive self-attention: y - α (y·v̂) v̂ for each head, before the head's gate.</summary>
public sealed record XsaRecipe
{
    public XsaStrength Strength { get; init; } = XsaStrength.Learnable;

    /// <summary>Only the first n layers; null: all.</summary>
    [Range(1, 1_024)]
    public int? FirstLayers { get; init; }
}

public enum XsaStrength
{
    /// <summary>α = tanh(a), one learnt a per layer and head, from 0 (the 15-minute track).</summary>
    Learnable,

    /// <summary>α = 1 (the 1-hour track's record 9).</summary>
    Fixed,
}
