using Slowrun.Core.Recipes;

namespace Slowrun.Core.Selection;

/// <summary>Selects members of an ensemble on the fitness set (record 12), for every size that the recipe names.</summary>
public static class MemberSelection
{
    /// <param name="members">p(target) of each candidate on the fitness set.</param>
    /// <param name="seed">The recipe's.</param>
    /// <param name="observe">Called after each step of the fit with its number; may throw to end it.</param>
    /// <returns>One selection a size, ascending; sizes beyond the number of candidates are all of them, once.</returns>
    public static IReadOnlyList<SizedSelection> OfEverySize(
        MemberSelectionRecipe recipe,
        IReadOnlyList<ReadOnlyMemory<float>> members,
        long seed,
        Action<int>? observe = null
    )
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(members);
        var fitted = GradientSelection.Fit(members, seed, recipe.Steps, (step, _, _) => observe?.Invoke(step));
        return
        [
            .. recipe
                .Sizes.Select(size => Math.Min(size, members.Count))
                .Distinct()
                .Order()
                .Select(size =>
                {
                    var selected = GradientSelection.Top(fitted.Weights, size);
                    return new SizedSelection(size, selected, GradientSelection.LossNats(members, selected));
                }),
        ];
    }

    /// <summary>The selection with the lowest loss on the fitness set; of equal ones the smallest.</summary>
    public static SizedSelection Best(IReadOnlyList<SizedSelection> selections) =>
        selections.MinBy(selection => selection.FitnessLossNats)
        ?? throw new ArgumentException("There is no selection.", nameof(selections));
}

/// <param name="FitnessLossNats">Loss of the selected members' mixture on the fitness set.</param>
public sealed record SizedSelection(int Size, SelectedMembers Selected, double FitnessLossNats);
