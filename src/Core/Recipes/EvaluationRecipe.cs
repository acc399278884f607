namespace Slowrun.Core.Recipes;

/// <summary>The shape in which validation and fitness sets are evaluated: part of a score's key, since other shapes give other bits.</summary>
public sealed record EvaluationRecipe
{
    /// <summary>Rows of <see cref="ModelRecipe.SequenceLength"/> tokens in one forward pass.</summary>
    public int Rows { get; init; } = 16;
}
