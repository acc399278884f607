using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Core.Plan;

/// <summary>Which way a step's forward pass takes through the layers.</summary>
/// <param name="Loop">Null: not looped, or not yet.</param>
/// <param name="Passes">Of the whole network over its own output.</param>
/// <param name="Layers">That take part.</param>
public sealed record StepPass(LoopRecipe? Loop, int Passes, AttentionWindows Windows, int Layers)
{
    public static StepPass At(StagePlan plan, StageSteps steps, int step)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var stage = plan.Stage;
        return new(
            stage.Loop is { } loop && step >= steps.LoopFirstStep(loop) ? loop : null,
            stage.Recurrence is { } recurrence && step >= StageLengths.FirstStepAfter(recurrence.FromFraction, steps.Steps)
                ? recurrence.Passes
                : 1,
            stage.Windows.FirstOrDefault(phase => steps.EpochOf(step) < phase.UntilEpoch) is { } phase
                ? new AttentionWindows(phase.ShortWindow, phase.LongWindow)
                : AttentionWindows.Of(plan.Model),
            stage.Depth?.FirstOrDefault(phase => step < StageLengths.FirstStepAfter(phase.UntilFraction, steps.Steps))?.Layers
                ?? plan.Model.Layers
        );
    }
}
