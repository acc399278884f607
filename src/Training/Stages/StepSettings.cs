using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Training.Models;

namespace Slowrun.Training.Stages;

/// <summary>What of the forward pass depends on the step: a pure function of plan and step.</summary>
internal sealed record StepSettings
{
    /// <summary>Null: not looped, or not yet.</summary>
    public LoopRecipe? Loop { get; init; }

    public int Recurrences { get; init; }

    public required AttentionWindows Windows { get; init; }

    /// <summary>Weights of the targets 1, 2, … further ahead than the next; empty: none is trained on.</summary>
    public IReadOnlyList<float> FutureWeights { get; init; } = [];

    public static StepSettings At(StagePlan plan, StageSteps steps, int step)
    {
        var stage = plan.Stage;
        var looped = stage.Loop is { } loop && step >= steps.LoopFirstStep(loop);
        return new StepSettings
        {
            Loop = looped ? stage.Loop : null,
            Recurrences = stage.Recurrence is not { } recurrence ? 0
                : step >= StageLengths.FirstStepAfter(recurrence.FromFraction, steps.Steps) ? recurrence.Passes : 1,
            Windows = stage.Windows.FirstOrDefault(phase => steps.EpochOf(step) < phase.UntilEpoch) is { } phase
                ? new AttentionWindows(phase.ShortWindow, phase.LongWindow)
                : AttentionWindows.Of(plan.Model),
            FutureWeights = stage.FutureTokens is { } future ? FutureTokenWeights.At(step, steps.Steps, future.Weights, future.AnnealFraction) : [],
        };
    }

    /// <summary>How a finished stage's weights are passed, when they are scored or teach: always looped, as upstream does.</summary>
    public static ForwardPass Finished(ModelRecipe model, StageRecipe stage) => new()
    {
        Loop = stage.Loop,
        Recurrences = stage.Recurrence?.Passes ?? 0,
        Windows = AttentionWindows.Of(model),
    };
}
