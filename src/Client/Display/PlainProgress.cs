using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading.Explain;

namespace Slowrun.Client.Display;

/// <summary>A line whenever a stage's state changes, and now and then how far those are that train.</summary>
internal sealed class PlainProgress(ClientContext context, RunPlan plan) : ProgressView
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    // More stages than that which are done already are counted, not listed.
    private const int MostDone = 12;

    private readonly Lock writing = new();
    private readonly Dictionary<StageId, (StageState State, string? Waits)> shown = [];
    private long shownAt = context.Time.GetTimestamp();
    private readonly HashSet<(string, StoreWork, bool)> troubles = [];
    private int members;

    public override void Show(RunStatus status, IReadOnlyList<LiveSilo>? silos = null)
    {
        var due = context.Time.GetElapsedTime(shownAt) >= Every;
        var done = shown.Count == 0 ? status.Stages.Count(stage => stage.State == StageState.Done) : 0;
        if (done > MostDone)
        {
            Say(string.Create(CultureInfo.InvariantCulture, $"{done} of {status.Stages.Count} stages are done"));
        }

        foreach (var stage in status.Stages)
        {
            var first = !shown.TryGetValue(stage.Id, out var before);
            var changed = !first && before.State != stage.State;
            shown[stage.Id] = (stage.State, stage.Waits);
            var isNews =
                stage.State is not (StageState.Waiting or StageState.Ready) && !(done > MostDone && stage.State == StageState.Done);
            if (changed || (first && isNews) || (due && stage.State == StageState.Training))
            {
                Say(Line(stage));
            }
        }

        foreach (var trouble in status.StoreTroubles ?? [])
        {
            if (troubles.Add((trouble.SiloName, trouble.Store.Work, trouble.Store.IsSlow)))
            {
                Say(TroubleText.Of(trouble, context.Time.GetUtcNow()));
            }
        }

        troubles.IntersectWith(
            (status.StoreTroubles ?? []).Select(trouble => (trouble.SiloName, trouble.Store.Work, trouble.Store.IsSlow))
        );
        if (status.Ensemble is { } ensemble && ensemble.Members > members)
        {
            members = ensemble.Members;
            Say(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"ensemble of {members}: validation loss {ensemble.LossNats:0.0000} nats per token"
                )
            );
        }

        if (due)
        {
            shownAt = context.Time.GetTimestamp();
            if (Eta.Of(status, plan) is { } eta)
            {
                Say($"about {Human.Time(eta)} left");
            }
        }
    }

    public override void Say(string line)
    {
        // Silos are looked after on another thread.
        lock (writing)
        {
            context.Output.WriteLine(line);
            context.Output.Flush();
        }
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string Durable(StageStatus stage) =>
        stage.DurableAgeSeconds is { } age
            ? string.Create(CultureInfo.InvariantCulture, $"durable to step {stage.DurableStep} ({Human.Time(age)} ago)")
            : "nothing durable yet";

    /// <summary>Not known before the first steps were timed.</summary>
    private static string Rate(StageStatus stage) => stage.TokensPerSecond is { } rate ? $"{Human.Count(rate)} tokens/s, " : "";

    private static string Line(StageStatus stage)
    {
        var progress = string.Create(CultureInfo.InvariantCulture, $"{stage.Id}: {stage.State}, step {stage.Step} of {stage.Steps}");
        return stage.State switch
        {
            StageState.Training when stage.TrainLossNats is { } loss => string.Create(
                CultureInfo.InvariantCulture,
                $"{progress}, training loss {loss:0.0000}, {Rate(stage)}{Durable(stage)}"
            ),
            StageState.Training when stage.DurableStep > 0 => $"{progress}, going on from its last checkpoint",
            StageState.Done => string.Create(
                CultureInfo.InvariantCulture,
                $"{stage.Id}: Done, validation loss {stage.ValLossNats:0.0000} nats per token"
            ),
            StageState.Failed => $"{progress}: {stage.Failure}",
            _ => stage.Waits is { } waits ? $"{stage.Id}: {stage.State}. {waits}" : progress,
        };
    }
}
