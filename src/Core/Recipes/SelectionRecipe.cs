namespace Slowrun.Core.Recipes;

/// <summary>Which weights a finished stage keeps.</summary>
public sealed record SelectionRecipe
{
    public SelectionRule Rule { get; init; } = SelectionRule.Final;
}

public enum SelectionRule
{
    /// <summary>The weights after the last step.</summary>
    Final,

    /// <summary>The weights with the best validation loss at a data epoch's end: for a baseline, whom it favours.</summary>
    BestValidation,
}
