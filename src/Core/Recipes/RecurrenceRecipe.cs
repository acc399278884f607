using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// The whole network reads its own normalised output again, with the gradient through the last pass alone (the 15-minute track).
/// </summary>
public sealed record RecurrenceRecipe
{
    /// <summary>Passes in all.</summary>
    [Range(1, 64)]
    public int Passes { get; init; } = 2;

    /// <summary>Fraction of the stage's steps after which it begins; 0: always.</summary>
    [Range(0.0, 1.0)]
    public double FromFraction { get; init; } = 0.7;
}
