using Slowrun.Core.Recipes;

namespace Slowrun.Core.Plan;

/// <summary>An earlier stage of a chain as one of several that teach a later one.</summary>
/// <param name="Models">In its snapshot: the stage's <see cref="SelectionRecipe.LateCheckpoints"/>.</param>
/// <param name="Loop">As it was trained with; null: none.</param>
/// <param name="Recurrence">Null: once.</param>
public sealed record EarlierModel(StageId Stage, int Models, LoopRecipe? Loop, RecurrenceRecipe? Recurrence)
{
    public static EarlierModel Of(StageId stage, StageRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return new(stage, recipe.Selection.LateCheckpoints, recipe.Loop, recipe.Recurrence);
    }
}
