using Slowrun.Core.Explain;
using Slowrun.Core.Plan;

namespace Slowrun.Core.Simulation;

/// <summary>A recorded run carried out again on modelled machines that are lost at the recorded moments.</summary>
/// <param name="Predicted">From the start of the machines to the run's end, seconds; null: it did not end.</param>
/// <param name="Recorded">What it took.</param>
public sealed record Replay(double? Predicted, double Recorded, double? PredictedGoodput, double RecordedGoodput)
{
    // docs/chaos.md: a killed process is voted out by refused connections, a silent one by missing heartbeats.
    private const double RefusedSeconds = 0.4;
    private const double SilentSeconds = 4.5;

    // A minute of time to commit is what a silo that is told to stop gives itself for its last writes.
    private const double Longest = 60;

    /// <summary>How far the finish is off, as a share of what was recorded.</summary>
    public double? FinishError => (Predicted - Recorded) / Recorded;

    /// <summary>In points: 0.05 is five.</summary>
    public double? GoodputError => PredictedGoodput - RecordedGoodput;

    /// <param name="explained">Of the run's spec.</param>
    public static Replay Of(RecordedRun run, RunExplanation explained)
    {
        ArgumentNullException.ThrowIfNull(run);
        var plan = new RunPlan(run.Spec.Recipe);
        // What a calm run takes beyond what its ledger measured passes between ready and taken.
        var calm = On(run.Calm);
        var (without, with) = (Finish(calm), Finish(calm with { TakeSeconds = 1 }));
        var take = with > without ? Math.Max(0, (run.CalmSeconds - without) / (with - without)) : 0;
        var disturbed = run.Disturbed ?? run.Calm;
        var predicted = RunSimulation.Run(
            run.Spec,
            plan,
            Stages(disturbed),
            On(disturbed) with
            {
                BootSeconds = run.DisturbedBootSeconds ?? run.BootSeconds,
                TakeSeconds = take,
                Losses =
                [
                    .. run.Losses.Select(loss => new PlannedLoss(
                        loss.AtSeconds,
                        loss.Stage,
                        loss.NoticeSeconds is { } notice ? Math.Min(notice, Longest) : null
                    )
                    {
                        Machine = loss.Machine,
                        DetectionSeconds = run.DetectionSeconds ?? (loss.IsSilent ? SilentSeconds : RefusedSeconds),
                    }),
                ],
            },
            seed: 0,
            replication: 0
        );
        return new Replay(predicted.FinishedSeconds, run.FinishedSeconds, predicted.Ledger.Goodput, run.Goodput);

        IReadOnlyDictionary<StageId, StageModel> Stages(MeasuredRun measured) => StageModels.Of(plan, explained, measured.FlopsPerSecond);

        FleetModel On(MeasuredRun measured) =>
            new()
            {
                Machines = run.Machines,
                BootSeconds = run.BootSeconds,
                RestoreSeconds = measured.RestoreSeconds ?? 0,
                StallSeconds = measured.StallSeconds ?? 0,
                CommitSeconds = measured.CommitSeconds ?? 0,
            };

        double Finish(FleetModel on) =>
            RunSimulation.Run(run.Spec, plan, Stages(run.Calm), on, seed: 0, replication: 0).FinishedSeconds ?? 0;
    }
}
