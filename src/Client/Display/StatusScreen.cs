using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>A run on one screen: its progress, stages, results, silos, and what it waits for.</summary>
internal static class StatusScreen
{
    // With as many lines around them they fill a terminal of the usual 24 lines.
    private const int MostStageRows = 12;

    // Headline, stages' numbers, legend, some lines of remarks.
    private const int LinesBesideGrid = 12;
    private const int FewestGridRows = 5;

    public static IRenderable Of(StatusView view)
    {
        ArgumentNullException.ThrowIfNull(view);
        var few = view.Wide || view.Status.Stages.Count <= MostStageRows;
        return new Rows([Headline(view), .. few ? Table(view) : Grid(view), .. StatusRemarks.Of(view, few)]);
    }

    private static Text Headline(StatusView view)
    {
        var status = view.Status;
        var ensemble = status.Ensemble is { } mixed
            ? string.Create(
                CultureInfo.InvariantCulture,
                $" · ensemble of {mixed.Members}: {mixed.LossNats:0.0000} nats/token, {mixed.BitsPerByte:0.0000} bits/byte"
            )
            : "";
        var source = status.Source == StatusSource.Cluster ? "live" : $"from the store, as of {Human.Time(view.Now - status.AsOf)} ago";
        var end = view.Eta is { } left ? $" · about {Human.Time(left)} left" : "";
        return new Text($"{status.Title} · {status.StateText}{ensemble}{end} · {source}");
    }

    private static IEnumerable<IRenderable> Table(StatusView view)
    {
        yield return DataTable.Of(view.Status.Stages, StageColumns.All, view.Wide, view.Wide ? view.Width : null);
        if (HasBaseline(view.Status))
        {
            yield return new Text("* a baseline: trained and scored like the others, no member of the ensemble");
        }
    }

    private static IEnumerable<IRenderable> Grid(StatusView view)
    {
        var training = view.Status.Stages.Where(stage => stage.State == StageState.Training).ToList();
        int? rows = view.Height is { } height
            ? Math.Max(FewestGridRows, height - LinesBesideGrid - Math.Min(training.Count, MostStageRows))
            : null;
        yield return new Text("");
        foreach (var line in ChainGrid.Of(view.Status, view.Width, rows, view.Unicode))
        {
            yield return line;
        }

        yield return new Text("");
        if (training.Count > 0)
        {
            yield return DataTable.Of(training.Take(MostStageRows), StageColumns.Training, wide: false, width: null);
            yield return new Text(training.Count > MostStageRows ? Invariant($"… and {training.Count - MostStageRows} more train.") : "");
        }

        if (HasBaseline(view.Status))
        {
            yield return new Text("* baselines: trained and scored like the others, no members of the ensemble");
        }
    }

    private static bool HasBaseline(RunStatus status) => status.Stages.Any(stage => stage.Role != ChainRole.Members);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
