using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Training.Models;

/// <summary>The settings of the forward pass that depend on the step: a pure function of plan and step.</summary>
internal sealed record StepSettings
{
    /// <summary>Null: not looped, or not yet.</summary>
    public LoopRecipe? Loop { get; init; }

    public int Recurrences { get; init; }

    /// <summary>Layers that take part.</summary>
    public int? Layers { get; init; }

    public required AttentionWindows Windows { get; init; }

    /// <summary>The probability of dropout; null: the stage's own.</summary>
    public double? Dropout { get; init; }

    /// <summary>Weights of the targets 1, 2, … further ahead than the next; empty: none is trained on.</summary>
    public IReadOnlyList<float> FutureWeights { get; init; } = [];

    public static StepSettings At(StagePlan plan, StageSteps steps, int step)
    {
        var stage = plan.Stage;
        var pass = StepPass.At(plan, steps, step);
        return new StepSettings
        {
            Loop = pass.Loop,
            Recurrences = stage.Recurrence is null ? 0 : pass.Passes,
            Layers = pass.Layers,
            Windows = pass.Windows,
            Dropout = stage.DropoutSchedule is { } dropout
                ? DropoutRates.At(step, steps.Steps, stage.Epochs, stage.Dropout, dropout.End, dropout.FromEpoch)
                : null,
            FutureWeights = stage.FutureTokens is { } future
                ? FutureTokenWeights.At(step, steps.Steps, future.Weights, future.AnnealFraction)
                : [],
        };
    }

    /// <summary>How a finished stage's weights are passed, when they are scored or teach: always looped, as upstream does.</summary>
    public static ForwardPass Finished(ModelRecipe model, StageRecipe stage) =>
        new()
        {
            Loop = stage.Loop,
            Recurrences = stage.Recurrence?.Passes ?? 0,
            Windows = AttentionWindows.Of(model),
        };
}
