using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// A stage goes on from the final state of the one before it, with the same optimizer moments, from perturbed weights (record 12's
/// cycles). The perturbation falls along a cosine over the chain.
/// </summary>
public sealed record ContinuationRecipe
{
    /// <summary>After the first stage, as a share of each parameter's standard deviation.</summary>
    [Range(0, double.PositiveInfinity)]
    public double PerturbationMaximum { get; init; } = 0.25;

    /// <summary>Before the last stage.</summary>
    [Range(0, double.PositiveInfinity)]
    public double PerturbationMinimum { get; init; } = 0.05;
}
