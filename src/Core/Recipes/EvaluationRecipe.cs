using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>The shape in which validation and fitness sets are evaluated: part of a score's key, since other shapes give other
/// bits.</summary>
public sealed record EvaluationRecipe
{
    /// <summary>Rows of <see cref="ModelRecipe.SequenceLength"/> tokens in one forward pass.</summary>
    [Range(1, 65_536)]
    public int Rows { get; init; } = 16;
}
