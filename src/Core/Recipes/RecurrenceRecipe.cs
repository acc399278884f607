namespace Slowrun.Core.Recipes;

/// <summary>
/// The whole network reads its own normalised output again, with the gradient through the last pass alone (the 15-minute track).
/// </summary>
public sealed record RecurrenceRecipe
{
    /// <summary>Passes in all.</summary>
    public int Passes { get; init; } = 2;

    /// <summary>Fraction of the stage's steps after which it begins; 0: always.</summary>
    public double FromFraction { get; init; } = 0.7;
}
