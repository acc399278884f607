using Slowrun.Core.Explain;
using Slowrun.Core.Plan;

namespace Slowrun.Core.Simulation;

/// <summary>What the stages of a plan take, from what a spec is known to ask of a machine.</summary>
public static class StageModels
{
    // Snapshots are stored as float32.
    private const int BytesPerWeight = 4;

    /// <param name="flopsPerSecond">What one slot does, as a mean over the run.</param>
    public static IReadOnlyDictionary<StageId, StageModel> Of(RunPlan plan, RunExplanation explained, double flopsPerSecond)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(explained);
        return plan
            .Stages.Zip(explained.Stages)
            .ToDictionary(
                pair => pair.First.Id,
                pair =>
                {
                    var (stage, asks) = pair;
                    var judged =
                        plan.Recipe.Data.ValidationTokens + (plan.IsJudgedOnFitness(stage.Id) ? plan.Recipe.Data.FitnessTokens : 0);
                    return new StageModel(
                        asks.Steps,
                        asks.TokensPerStep * asks.FlopsPerToken.Total / flopsPerSecond,
                        asks.CheckpointBytes,
                        BytesPerWeight * explained.Parameters.Total * stage.Stage.Selection.LateCheckpoints,
                        judged * asks.FlopsPerToken.Forward / flopsPerSecond
                    );
                }
            );
    }
}
