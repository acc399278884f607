using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Which weights a finished stage keeps, and what is averaged on the way there.</summary>
public sealed record SelectionRecipe
{
    public SelectionRule Rule { get; init; } = SelectionRule.Final;

    /// <summary>An exponential moving average of late weights, blended with the last ones. Null: none.</summary>
    public EmaRecipe? Ema { get; init; }

    /// <summary>The mean of the weights at the last data epochs' ends; wins over <see cref="Ema"/> where both are kept. Null:
    /// none.</summary>
    public SwaRecipe? Swa { get; init; }

    /// <summary>
    /// The member is the mixture of the models at the last n data epochs' ends, their probabilities averaged (the 1-hour track's "SWA").
    /// 1: the last alone. Only with <see cref="SelectionRule.Final"/>; a successor is taught by the last.
    /// </summary>
    [Range(1, 64)]
    public int LateCheckpoints { get; init; } = 1;

    /// <summary>True: in time the i-th of these n models counts i (the 1-hour and 2-hour tracks' weighted mode). Null: all count the
    /// same.</summary>
    public bool? LateByRecency { get; init; }
}

public enum SelectionRule
{
    /// <summary>The weights after the last step.</summary>
    Final,

    /// <summary>The average, whether it is better or not.</summary>
    Averaged,

    /// <summary>The last weights or their average: whichever has the lower loss on the fitness set.</summary>
    BestFitness,

    /// <summary>The weights with the best validation loss at a data epoch's end: for a baseline, whom it favours.</summary>
    BestValidation,
}
