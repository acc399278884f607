using ScottPlot;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>Draws a finished run: members as points, the ensemble as it grows as a line, baselines as levels.</summary>
internal static class LossChart
{
    private const int WidthPixels = 900;
    private const int HeightPixels = 560;

    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(RunStatus status, string file)
    {
        if (status.Ensemble is not { } ensemble)
        {
            return;
        }

        using var plot = new Plot();
        double[] places = [.. Enumerable.Range(1, ensemble.MemberStages.Count).Select(i => (double)i)];
        var losses = ensemble.MemberStages.Select(id => status.Stages.First(stage => stage.Id == id).ValLossNats ?? double.NaN);
        var members = plot.Add.ScatterPoints(places, losses.ToArray());
        members.LegendText = "each member alone";
        members.MarkerSize = 9;
        var mixture = plot.Add.Scatter(places, ensemble.Running.ToArray());
        mixture.LegendText = "ensemble of the first n";
        mixture.LineWidth = 2.5f;
        mixture.MarkerSize = 7;
        foreach (var baseline in status.Stages.Where(stage => stage is { Role: ChainRole.Baseline, ValLossNats: not null }))
        {
            var level = plot.Add.HorizontalLine(baseline.ValLossNats!.Value);
            level.LegendText = "baseline, at its best";
            level.LinePattern = LinePattern.Dashed;
            level.LineWidth = 2;
        }

        plot.Title($"{status.Name}: validation loss");
        plot.XLabel("members");
        plot.YLabel("nats per token");
        plot.Axes.Bottom.SetTicks(places, [.. ensemble.MemberStages.Select((id, i) => FormattableString.Invariant($"{i + 1}\n{id}"))]);
        plot.Axes.SetLimitsX(0.6, ensemble.MemberStages.Count + 0.4);
        plot.ShowLegend(Alignment.LowerLeft);
        plot.SavePng(file, WidthPixels, HeightPixels);
    }
}
