using ScottPlot;
using Slowrun.Core;
using Slowrun.Core.Efficiency;

namespace Slowrun.Client.Display;

/// <summary>The curves of a run's data efficiency as a picture.</summary>
internal static class EfficiencyPlot
{
    private const int WidthPixels = 1100;
    private const int HeightPixels = 640;

    /// <param name="title">The run, as people call it.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(EfficiencyReport report, string title, string file)
    {
        using var plot = new Plot();
        foreach (var curve in report.Curves.Where(curve => curve.Points.Count > 0))
        {
            var line = plot.Add.Scatter(
                [.. curve.Points.Select(point => Math.Log2(point.Times))],
                curve.Points.Select(point => point.LossNats).ToArray(),
                curve.Kind == BaselineKind.OnePass ? Colors.Gray : Color.FromHex("#B22222")
            );
            line.LineWidth = 2;
            line.MarkerSize = 7;
            line.LegendText = $"an ordinary training, {EfficiencyWords.Name(curve.Kind)}";
        }

        var best = report.Models.MinBy(model => model.LossNats)!;
        var level = plot.Add.HorizontalLine(best.LossNats);
        level.LegendText = $"{best.Name}: {Human.Loss(best.LossNats)}";
        level.LineColor = Colors.Navy;
        level.LineWidth = 2;
        var times = report.Curves.SelectMany(curve => curve.Points.Select(point => point.Times)).Distinct().Order().ToList();
        plot.Axes.Bottom.SetTicks([.. times.Select(Math.Log2)], [.. times.Select(time => FormattableString.Invariant($"{time:0.##}x"))]);
        plot.Title(FormattableString.Invariant($"{title}: loss on validation, by data ({report.TrainTokens:#,0} tokens are 1x)"));
        plot.XLabel("training tokens of the baseline");
        plot.YLabel("nats per token");
        plot.ShowLegend(Edge.Right);
        plot.SavePng(file, WidthPixels, HeightPixels);
    }
}
