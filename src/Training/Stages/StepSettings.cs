using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
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
    public IReadOnlyList<double> FutureWeights { get; init; } = [];

    public static StepSettings At(StagePlan plan, StageSteps steps, int step)
    {
        var stage = plan.Stage;
        // Record 9 begins to loop with data epoch ceil(fraction * epochs) + 1, counted from 1.
        var looped = stage.Loop is { } loop && steps.EpochOf(step) >= Math.Ceiling(loop.FromFraction * stage.Epochs);
        return new StepSettings
        {
            Loop = looped ? stage.Loop : null,
            Recurrences = stage.Recurrence is not { } recurrence ? 0
                : step >= recurrence.FromFraction * steps.Steps ? recurrence.Passes : 1,
            Windows = stage.Windows.FirstOrDefault(phase => steps.EpochOf(step) < phase.UntilEpoch) is { } phase
                ? new AttentionWindows(phase.ShortWindow, phase.LongWindow)
                : AttentionWindows.Of(plan.Model),
            FutureWeights = stage.FutureTokens is { } future ? WeightsAt(future, (double)step / steps.Steps) : [],
        };
    }

    /// <summary>How a finished stage's weights are passed, when they are scored or teach: always looped, as upstream does.</summary>
    public static ForwardPass Finished(ModelRecipe model, StageRecipe stage) => new()
    {
        Loop = stage.Loop,
        Recurrences = stage.Recurrence?.Passes ?? 0,
        Windows = AttentionWindows.Of(model),
    };

    /// <summary>Each weight falls along a line to 0 within its share of the annealed part, the furthest target's first.</summary>
    /// <param name="progress">Steps done over steps.</param>
    internal static double[] WeightsAt(FutureTokensRecipe future, double progress)
    {
        var count = future.Weights.Count;
        var share = future.AnnealFraction / count;
        return [.. future.Weights.Select((weight, i) =>
        {
            var fallen = Math.Clamp((progress - ((count - 1 - i) * share)) / share, 0, 1);
            return weight * (1 - fallen);
        })];
    }
}
