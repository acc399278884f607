using System.Globalization;
using Slowrun.Core.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>A run's status on one screen of 80 columns or more.</summary>
internal static class StatusTable
{
    public static IRenderable Of(RunStatus status, DateTimeOffset now, TimeSpan? eta = null)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("STAGE", "STATE");
        foreach (var column in (string[])["STEP", "TRAIN", "TOK/S", "DURABLE", "VAL"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var stage in status.Stages)
        {
            table.AddRow(
                new Text(stage.Role == "Members" ? stage.Id : $"{stage.Id} *"),
                new Text(stage.State.ToString(), StyleOf(stage.State)),
                new Text(string.Create(CultureInfo.InvariantCulture, $"{stage.Step}/{stage.Steps}")),
                new Text(Human.Loss(stage.TrainLossNats)),
                new Text(Human.Count(stage.TokensPerSecond)),
                new Text(Durable(stage)),
                new Text(Human.Loss(stage.ValLossNats)));
        }

        return new Rows([Headline(status, now, eta), table, .. Remarks(status)]);
    }

    private static Text Headline(RunStatus status, DateTimeOffset now, TimeSpan? eta)
    {
        var ensemble = status.Ensemble is { } mixed
            ? string.Create(CultureInfo.InvariantCulture, $" · ensemble of {mixed.Members}: {mixed.LossNats:0.0000} nats/token, {mixed.BitsPerByte:0.0000} bits/byte")
            : "";
        var source = status.Source == StatusSource.Cluster ? "live" : $"from the store, as of {Human.Time(now - status.AsOf)} ago";
        var end = eta is { } left ? $" · about {Human.Time(left)} left" : "";
        return new Text($"{status.Name} · {status.State}{ensemble}{end} · {source}");
    }

    private static IEnumerable<IRenderable> Remarks(RunStatus status)
    {
        foreach (var stage in status.Stages)
        {
            if (stage.Failure is { } failure)
            {
                yield return new Text($"{stage.Id} failed: {failure}", new Style(Color.Red));
            }

            // That a stage waits for the one before it needs no words.
            if (stage is { Waits: { } waits, State: not StageState.Waiting })
            {
                yield return new Text($"{stage.Id}: {waits}");
            }

            if (stage.BestEffort)
            {
                yield return new Text($"{stage.Id}: best effort, its bytes cannot be had again ('slowrun events {status.Name}' tells why).", new Style(Color.Yellow));
            }

            if (stage is { Preemptions: > 0 })
            {
                yield return new Text(string.Create(
                    CultureInfo.InvariantCulture, $"{stage.Id}: lost its machine {stage.Preemptions} times, and at least {stage.LostSteps} steps with it."));
            }
        }

        if (status.Stages.Any(stage => stage.Role != "Members"))
        {
            yield return new Text("* a baseline: trained and scored like the others, no member of the ensemble");
        }
    }

    private static string Durable(StageStatus stage) => stage switch
    {
        { State: StageState.Done } => "final",
        { DurableAgeSeconds: { } age } => string.Create(CultureInfo.InvariantCulture, $"{stage.DurableStep}, {Human.Time(age)}"),
        _ => "",
    };

    private static Style StyleOf(StageState state) => state switch
    {
        StageState.Training or StageState.Scoring => new Style(Color.Green),
        StageState.Failed => new Style(Color.Red),
        StageState.Paused or StageState.Cancelled => new Style(Color.Yellow),
        StageState.Done => new Style(Color.Blue),
        _ => Style.Plain,
    };
}
