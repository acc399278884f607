using Slowrun.Core.Models;
using Slowrun.Core.Plan;

namespace Slowrun.Core.Status;

/// <summary>Guesses what a run has left, and when it ends, from the rates at which its stages train now.</summary>
public static class Eta
{
    // Of a stage that has trained for less, its start is too large a part.
    private const double LeastSeconds = 10;

    private const double FirstSeconds = 5;

    // Of a stage that has trained for so long its own rate is all that counts.
    private const double OwnAfterSeconds = 60;

    /// <returns>Null while nothing trains, and in a run's first seconds: there is no rate to go by.</returns>
    public static TimeSpan? Of(RunStatus status, RunPlan plan) =>
        LeftByChain(status, plan) is { } chains
            ? TimeSpan.FromSeconds(Math.Max(chains.Max(), chains.Sum() / Math.Max(status.ChainsAtWork ?? 0, status.Stages.Count(Trains))))
            : null;

    /// <summary>Seconds of training that each chain has left.</summary>
    /// <returns>Null while nothing trains, and in a run's first seconds: there is no rate to go by.</returns>
    public static IReadOnlyList<double>? LeftByChain(RunStatus status, RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(status);
        ArgumentNullException.ThrowIfNull(plan);
        var training = status.Stages.Where(Trains).ToList();
        var seen = Seen(status, plan);
        if (training.Count == 0 || (seen is null && training.All(HasJustBegun)))
        {
            return null;
        }

        // A stage that does not train yet is taken to be as fast, layer pass for layer pass, as those that do.
        var shared = training.Average(stage => Rate(stage, plan[stage.Id], seen));
        return
        [
            .. status
                .Stages.Zip(plan.Stages)
                .GroupBy(pair => pair.Second.Id.Chain)
                .Select(chain => chain.Sum(pair => Seconds(pair.First, pair.Second, seen, shared))),
        ];
    }

    /// <summary>Layer passes a second of all that the run has trained so far; null: too little.</summary>
    private static double? Seen(RunStatus status, RunPlan plan) =>
        status.Stages.Where(HasTrained).ToList() is { Count: > 0 } stages
            ? stages.Sum(stage => (double)stage.Step * plan[stage.Id].TokensPerStep * Cost(plan[stage.Id])) / stages.Sum(TrainedSeconds)
            : null;

    /// <summary>
    /// Layer passes a second of a stage that trains: at first as the run's stages so far, and little by little as it does itself. Of the
    /// last seconds alone a checkpoint or a start may be half, so they count only while nothing else is known.
    /// </summary>
    private static double Rate(StageStatus training, StagePlan plan, double? seen)
    {
        var own = training.SteadyTokensPerSecond ?? (seen is null ? training.TokensPerSecond : null);
        var weight =
            own is null ? 0
            : seen is null ? 1
            : Math.Min(1, TrainedSeconds(training) / OwnAfterSeconds);
        return ((own ?? 0) * Cost(plan) * weight) + ((seen ?? 0) * (1 - weight));
    }

    private static double TrainedSeconds(StageStatus stage) =>
        stage.Ledger is { } ledger ? ledger.TrainingSeconds + ledger.StallSeconds : 0;

    private static bool HasTrained(StageStatus stage) => stage.Step > 0 && TrainedSeconds(stage) >= LeastSeconds;

    /// <summary>Its first steps may take twice as long as the others.</summary>
    private static bool HasJustBegun(StageStatus training) =>
        training is { SteadyTokensPerSecond: null, Ledger: not null } && TrainedSeconds(training) < FirstSeconds;

    private static bool Trains(StageStatus stage) => stage is { State: StageState.Training, TokensPerSecond: > 0 };

    private static double Seconds(StageStatus status, StagePlan plan, double? seen, double shared)
    {
        if (status.State is StageState.Done or StageState.Scoring or StageState.Cancelled or StageState.Failed)
        {
            return 0;
        }

        var tokens = (double)(status.Steps - status.Step) * plan.TokensPerStep;
        return tokens * Cost(plan) / (Trains(status) ? Rate(status, plan, seen) : shared);
    }

    /// <summary>Layer passes a token, the teacher's too.</summary>
    private static double Cost(StagePlan plan) => LayerVisits.Mean(plan.Model.Layers, plan.Stage) * (3 + plan.TeacherModels);
}
