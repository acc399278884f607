using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// A model whose long window grows while it is trained (YaRN, arXiv:2309.00071, as in the 2-hour track): each time, rotary frequencies that
/// turn seldom within the old window become as much slower as the window becomes longer, and attention's scores a little larger. The
/// finished model has them as after the last growth. When it grows say <see cref="StageRecipe.Windows"/>.
/// </summary>
public sealed record YarnRecipe
{
    /// <summary>The long windows before the model's own, ascending: the first has plain frequencies.</summary>
    [Range(1, 65_536)]
    public IReadOnlyList<int> LongWindows { get; init; } = [768, 1_792];

    /// <summary>A frequency that turns at most so often within the old window is stretched with it.</summary>
    [Range(0, double.PositiveInfinity)]
    public double Alpha { get; init; } = 1;

    /// <summary>One that turns at least so often stays; those between are stretched in part.</summary>
    [Range(0, double.PositiveInfinity, MinimumIsExclusive = true)]
    public double Beta { get; init; } = 32;

    /// <summary>Every long window that a model has while it is trained, ascending; without YaRN its own alone.</summary>
    public static IReadOnlyList<int> AllWindows(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [.. model.Yarn?.LongWindows ?? [], model.LongWindow ?? model.SequenceLength];
    }

    public bool Equals(YarnRecipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
