using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// Dropout that changes along a line from the start of a data epoch to the stage's end: from <see cref="StageRecipe.Dropout"/> to another
/// probability. The values are those of upstream's trial in the 1-hour track (5c3894a, of 12 data epochs), which became no record.
/// </summary>
public sealed record DropoutSchedule
{
    /// <summary>The probability at the stage's end; higher or lower than that of the start.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double End { get; init; } = 0.15;

    /// <summary>The data epoch, counted from 1, with which it begins to change; 1: from the first step on.</summary>
    [Range(1, 100_000)]
    public int FromEpoch { get; init; } = 7;
}
