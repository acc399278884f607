using Slowrun.Core.Plan;

namespace Slowrun.Core.Status;

/// <summary>Guesses what a run has left, and when it ends, from the rates at which its stages train now.</summary>
public static class Eta
{
    /// <returns>Null while nothing trains: there is no rate to go by.</returns>
    public static TimeSpan? Of(RunStatus status, RunPlan plan) =>
        LeftByChain(status, plan) is { } chains
            ? TimeSpan.FromSeconds(Math.Max(chains.Max(), chains.Sum() / status.Stages.Count(Trains)))
            : null;

    /// <summary>Seconds of training that each chain has left.</summary>
    /// <returns>Null while nothing trains: there is no rate to go by.</returns>
    public static IReadOnlyList<double>? LeftByChain(RunStatus status, RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(status);
        ArgumentNullException.ThrowIfNull(plan);
        var training = status.Stages.Where(Trains).ToList();
        if (training.Count == 0)
        {
            return null;
        }

        // A stage that does not train yet is taken to be as fast, layer pass for layer pass, as those that do.
        var rate = training.Average(stage => stage.TokensPerSecond!.Value * Cost(Plan(plan, stage)));
        return
        [
            .. status
                .Stages.Zip(plan.Stages)
                .GroupBy(pair => pair.Second.Id.Chain)
                .Select(chain => chain.Sum(pair => Seconds(pair.First, pair.Second, rate))),
        ];
    }

    private static bool Trains(StageStatus stage) => stage is { State: StageState.Training, TokensPerSecond: > 0 };

    private static double Seconds(StageStatus status, StagePlan plan, double rate)
    {
        if (status.State is StageState.Done or StageState.Scoring or StageState.Cancelled or StageState.Failed)
        {
            return 0;
        }

        var tokens = (double)(status.Steps - status.Step) * plan.Stage.BatchTokens;
        return status is { State: StageState.Training, TokensPerSecond: > 0 and var own } ? tokens / own : tokens * Cost(plan) / rate;
    }

    /// <summary>Layer passes a token, the teacher's too.</summary>
    private static double Cost(StagePlan plan)
    {
        var looped = plan.Stage.Loop is { } loop ? (loop.End - loop.Start) * loop.Replays * (1 - loop.FromFraction) : 0;
        return (plan.Model.Layers + looped) * (3 + plan.TeacherModels);
    }

    private static StagePlan Plan(RunPlan plan, StageStatus stage) => plan[stage.Id];
}
