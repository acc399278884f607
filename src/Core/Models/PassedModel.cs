using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>An architecture, and how finished weights of it are passed: what <c>slowrun import</c> needs to know of exported
/// weights.</summary>
/// <param name="Loop">Layers that are passed again; null: none.</param>
/// <param name="Recurrence">Passes of the whole network; null: once.</param>
public sealed record PassedModel(ModelRecipe Model, LoopRecipe? Loop, RecurrenceRecipe? Recurrence)
{
    public static PassedModel Of(ModelRecipe model, StageRecipe stage)
    {
        ArgumentNullException.ThrowIfNull(stage);
        return new(model, stage.Loop, stage.Recurrence);
    }
}
