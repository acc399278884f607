using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Stochastic weight averaging (arXiv:1803.05407): the mean of the weights at the last data epochs' ends.</summary>
public sealed record SwaRecipe
{
    [Range(1, int.MaxValue)]
    public int LastEpochs { get; init; } = 4;

    /// <summary>The i-th of n counts i (the 15-minute track); else all count the same.</summary>
    public bool ByRecency { get; init; } = true;
}
