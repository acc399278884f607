using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>A run as a row of <c>list</c>.</summary>
internal sealed record ListedRun(RunFacts Facts, RunStatus Status)
{
    private int Done => Status.Stages.Count(stage => stage.State == StageState.Done);

    private int Training => Status.Stages.Count(stage => stage.State == StageState.Training);

    private double? EtaSeconds => Eta.Of(Status, Facts.Plan)?.TotalSeconds;

    public static IReadOnlyList<Column<ListedRun>> Columns(DateTimeOffset now) =>
        [
            new("RUN", "name", run => run.Status.Name) { Text = run => run.Status.Title },
            new("STATE", "state", run => run.Status.State) { Text = run => run.Status.StateText },
            new("STAGES", "stagesDone", run => run.Done)
            {
                Text = run => FormattableString.Invariant($"{run.Done}/{run.Status.Stages.Count} done"),
            },
            new("STAGES", "stages", run => run.Status.Stages.Count) { Hidden = true },
            new("TRAINING", "stagesTraining", run => run.Training) { Right = true, Wide = true },
            new("ENSEMBLE", "ensembleLossNats", run => run.Status.Ensemble?.LossNats)
            {
                Text = run =>
                    run.Status.Ensemble is { } ensemble
                        ? FormattableString.Invariant($"{Human.Loss(ensemble.LossNats)} of {ensemble.Members}")
                        : "",
            },
            new("MEMBERS", "ensembleMembers", run => run.Status.Ensemble?.Members) { Hidden = true },
            new("BITS/BYTE", "ensembleBitsPerByte", run => run.Status.Ensemble?.BitsPerByte)
            {
                Right = true,
                Wide = true,
                Text = run => Human.Loss(run.Status.Ensemble?.BitsPerByte),
            },
            new("GOODPUT", "goodput", run => run.Status.Ledger?.Goodput)
            {
                Right = true,
                Text = run => run.Status.Ledger?.Goodput is { } share ? Human.Percent(share) : "",
            },
            new("LOST", "preemptions", run => run.Status.Stages.Sum(stage => stage.Preemptions)) { Right = true, Wide = true },
            new("LOST STEPS", "lostSteps", run => run.Status.Stages.Sum(stage => stage.LostSteps)) { Right = true, Wide = true },
            new("PRIORITY", "priority", run => run.Facts.Spec.Operations.Priority) { Right = true, Wide = true },
            new("LEFT", "etaSeconds", run => run.EtaSeconds)
            {
                Right = true,
                Text = run => run.EtaSeconds is { } left ? $"about {Human.Time(left)}" : "",
            },
            new("LAST WRITE", "asOf", run => run.Status.AsOf) { Right = true, Text = run => $"{Human.Time(now - run.Status.AsOf)} ago" },
            new("SUBMITTED", "submittedAt", run => run.Facts.SubmittedAt)
            {
                Wide = true,
                Text = run => run.Facts.SubmittedAt is { } at ? Human.Moment(at) : "",
            },
            new("CALLED", "givenName", run => run.Status.GivenName) { Hidden = true },
        ];
}
