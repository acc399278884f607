using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using Slowrun.Core;
using Slowrun.Core.Simulation;

namespace Slowrun.Client.Display;

/// <summary>What fleets take and cost, as a picture: a point for each number of machines, a line for each size and market.</summary>
internal static class PlanPlot
{
    private const int WidthPixels = 1100;
    private const int HeightPixels = 640;
    private const double SecondsPerHour = 3600;
    private const double DaysFrom = 72;

    private static readonly IPalette Palette = new ScottPlot.Palettes.Category10();

    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(PlanReport plan, string file)
    {
        var finished = plan.Fleets!.Where(one => one.Outcome.FinishSeconds.P50 is not null).ToList();
        var inDays = finished.Count > 0 && finished.Min(one => one.Outcome.FinishSeconds.P50) / SecondsPerHour > DaysFrom;
        var unit = SecondsPerHour * (inDays ? 24 : 1);
        using var plot = new Plot();
        foreach (var (line, i) in finished.GroupBy(one => (one.Size, one.OnDemand)).Select((line, i) => (line, i)))
        {
            Draw(plot, [.. line.OrderBy(one => one.Machines)], Palette.GetColor(i / 2), unit);
        }

        if (plan.Cheapest is { } wanted)
        {
            var deadline = plot.Add.VerticalLine(wanted.DeadlineSeconds / unit);
            deadline.LineColor = Colors.Black;
            deadline.LinePattern = LinePattern.Dotted;
            deadline.LegendText = $"deadline: {Human.Time(wanted.DeadlineSeconds)}";
        }

        plot.Axes.AutoScale();
        plot.Axes.SetLimitsY(0, plot.Axes.GetLimits().Top);
        plot.Title($"{plan.Name}: finish and cost by number of machines");
        plot.XLabel(inDays ? "days until the run is over" : "hours until the run is over");
        plot.YLabel("cost of the machines (bars: p10 to p90)");
        plot.ShowLegend(Edge.Right);
        plot.SavePng(file, WidthPixels, HeightPixels);
    }

    private static void Draw(Plot plot, IReadOnlyList<PlannedOutcome> fleets, Color color, double unit)
    {
        double[] finish = [.. fleets.Select(one => one.Outcome.FinishSeconds.P50!.Value / unit)];
        double[] cost = [.. fleets.Select(one => one.Outcome.Cost.P50!.Value)];
        var line = plot.Add.Scatter(finish, cost, color);
        line.MarkerSize = 7;
        line.LinePattern = fleets[0].OnDemand ? LinePattern.Dashed : LinePattern.Solid;
        line.MarkerShape = fleets[0].OnDemand ? MarkerShape.OpenCircle : MarkerShape.FilledCircle;
        line.LegendText = $"{fleets[0].Size}, {(fleets[0].OnDemand ? "on-demand" : "spot")}";
        var bars = new ErrorBar(
            finish,
            cost,
            (double[])[.. fleets.Select((one, i) => finish[i] - Among(one.Outcome.FinishSeconds.P10, unit, finish[i]))],
            (double[])[.. fleets.Select((one, i) => Among(one.Outcome.FinishSeconds.P90, unit, finish[i]) - finish[i])],
            (double[])[.. fleets.Select((one, i) => cost[i] - Among(one.Outcome.Cost.P10, 1, cost[i]))],
            (double[])[.. fleets.Select((one, i) => Among(one.Outcome.Cost.P90, 1, cost[i]) - cost[i])]
        );
        bars.Color = color;
        plot.Add.Plottable(bars);
        foreach (var (one, i) in fleets.Select((one, i) => (one, i)))
        {
            var label = plot.Add.Text(one.Machines.ToString(CultureInfo.InvariantCulture), finish[i], cost[i]);
            (label.LabelFontColor, label.OffsetX, label.OffsetY) = (color, 6, -16);
        }
    }

    /// <summary>Where too few had finished there is no such number: no bar.</summary>
    private static double Among(double? number, double unit, double otherwise) => number / unit ?? otherwise;
}
