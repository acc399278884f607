using ScottPlot;
using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;
using Slowrun.Reading.Curves;

namespace Slowrun.Client.Display;

/// <summary>Draws a run's losses: training loss by step above; below validation loss by stage, and the ensemble's by its members.</summary>
internal static class LossPlot
{
    private const int WidthPixels = 1400;
    private const int HeightPixels = 1000;
    private const int EnsembleWidthPixels = 900;
    private const int EnsembleHeightPixels = 560;

    // More lines have a legend of some only: the colours between are in order.
    private const int MostLegends = 12;

    // Points of one line; each is the mean of the steps between, so that noise does not hide one stage behind another.
    private const int MostPoints = 250;

    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(RunStatus status, IReadOnlyList<DurableCurve> curves, string file)
    {
        ArgumentNullException.ThrowIfNull(status);
        ArgumentNullException.ThrowIfNull(curves);
        var plots = new Multiplot();
        plots.AddPlots(3);
        Training(plots.GetPlot(0), status, curves);
        Validation(plots.GetPlot(1), status);
        Ensemble(plots.GetPlot(2), status);
        var grid = new ScottPlot.MultiplotLayouts.CustomGrid();
        grid.Set(plots.GetPlot(0), new GridCell(0, 0, 2, 1));
        grid.Set(plots.GetPlot(1), new GridCell(1, 0, 2, 2));
        grid.Set(plots.GetPlot(2), new GridCell(1, 1, 2, 2));
        plots.Layout = grid;
        plots.SavePng(file, WidthPixels, HeightPixels);
        foreach (var plot in plots.GetPlots())
        {
            plot.Dispose();
        }
    }

    /// <summary>Draws a finished run's ensemble alone, a tick a member; nothing where none was averaged.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void SaveEnsemble(RunStatus status, string file)
    {
        ArgumentNullException.ThrowIfNull(status);
        if (status.Ensemble is not { } ensemble)
        {
            return;
        }

        using var plot = new Plot();
        Ensemble(plot, status);
        plot.Title($"{status.Title}: validation loss");
        plot.Axes.Bottom.SetTicks(
            [.. Enumerable.Range(1, ensemble.MemberStages.Count).Select(place => (double)place)],
            [.. ensemble.MemberStages.Select((id, i) => FormattableString.Invariant($"{i + 1}\n{id}"))]
        );
        plot.Axes.SetLimitsX(0.6, ensemble.MemberStages.Count + 0.4);
        plot.SavePng(file, EnsembleWidthPixels, EnsembleHeightPixels);
    }

    private static void Training(Plot plot, RunStatus status, IReadOnlyList<DurableCurve> curves)
    {
        var colors = new StageColors([.. curves.Select(curve => curve.Plan.Id)]);
        var named = Labels(curves);
        foreach (var curve in curves)
        {
            var (steps, losses) = Smooth(curve.Curve!.LossNats);
            var line = plot.Add.ScatterLine(steps, losses, colors.Of(curve.Plan.Id));
            line.LineWidth = 1.6f;
            line.LegendText = named.GetValueOrDefault(curve, "");
        }

        var taught = curves.Any(curve => curve.Plan.IsTaught)
            ? " (of taught stages: what they are trained on, a mix of cross-entropy and divergence from the teacher)"
            : "";
        plot.Title($"{status.Title}: training loss{taught}");
        plot.XLabel("step of its stage");
        plot.YLabel("nats per token");
        plot.Axes.Bottom.TickGenerator = WholeNumbers();
        plot.ShowLegend(Edge.Right);
    }

    private static void Validation(Plot plot, RunStatus status)
    {
        var scored = status.Stages.Where(stage => stage.ValLossNats is not null).Select(stage => (Stage: stage, stage.Id)).ToList();
        var colors = new StageColors([.. scored.Select(one => one.Id with { Stage = 0 }).Distinct()]);
        var chains = scored.Where(one => one.Stage.Role == ChainRole.Members).GroupBy(one => one.Id.Chain).ToList();
        var named = Named(chains.Count);
        foreach (var (index, chain) in chains.Index())
        {
            var line = plot.Add.Scatter(
                chain.Select(one => (double)one.Id.Stage).ToArray(),
                chain.Select(one => one.Stage.ValLossNats!.Value).ToArray(),
                colors.Of(new(chain.Key, 0))
            );
            line.LineWidth = 1.6f;
            line.MarkerSize = 7;
            line.LegendText = named.Contains(index) ? FormattableString.Invariant($"chain{chain.Key}") : "";
        }

        Baselines(plot, status);
        plot.Title("Validation loss of each stage");
        plot.XLabel("stage of its chain");
        plot.YLabel("nats per token");
        plot.Axes.Bottom.TickGenerator = WholeNumbers();
        Finish(plot, scored.Count > 0, "no stage has been scored yet");
    }

    private static void Ensemble(Plot plot, RunStatus status)
    {
        var ensemble = status.Ensemble;
        if (ensemble is not null)
        {
            double[] sizes = [.. Enumerable.Range(1, ensemble.Running.Count).Select(size => (double)size)];
            var alone = plot.Add.ScatterPoints(
                sizes,
                ensemble.MemberStages.Select(id => status.Stages.First(stage => stage.Id == id).ValLossNats ?? double.NaN).ToArray(),
                Colors.Gray
            );
            alone.MarkerSize = 6;
            alone.LegendText = "each member alone";
            var mixture = plot.Add.Scatter(sizes, ensemble.Running.ToArray(), Colors.Navy);
            mixture.LineWidth = 2.5f;
            mixture.MarkerSize = sizes.Length > 40 ? 0 : 7;
            mixture.LegendText = "the first n averaged";
            if (ensemble.Selections is { Count: > 0 } selections)
            {
                var chosen = plot.Add.Scatter(
                    selections.Select(size => (double)size.Size).ToArray(),
                    selections.Select(size => size.LossNats).ToArray(),
                    Colors.DarkOrange
                );
                chosen.LineWidth = 2;
                chosen.LegendText = "the best n by weight";
            }

            Baselines(plot, status);
        }

        plot.Title(
            ensemble is null ? "Ensemble" : FormattableString.Invariant($"Ensemble: {Human.Loss(ensemble.LossNats)} nats per token")
        );
        plot.XLabel("members");
        plot.YLabel("nats per token");
        plot.Axes.Bottom.TickGenerator = WholeNumbers();
        Finish(plot, ensemble is not null, "no members have been averaged yet");
    }

    private static void Baselines(Plot plot, RunStatus status)
    {
        foreach (var baseline in status.Stages.Where(stage => stage is { Role: ChainRole.Baseline, ValLossNats: not null }))
        {
            var level = plot.Add.HorizontalLine(baseline.ValLossNats!.Value);
            level.LegendText = $"baseline {baseline.Id.ChainName}";
            level.LinePattern = LinePattern.Dashed;
            level.LineColor = Color.FromHex("#B22222");
            level.LineWidth = 2;
        }
    }

    private static void Finish(Plot plot, bool any, string otherwise)
    {
        if (any)
        {
            // Beside the figures: inside it would hide some of them.
            plot.ShowLegend(Edge.Right);
        }
        else
        {
            plot.Add.Annotation(otherwise, Alignment.MiddleCenter);
        }
    }

    private static ScottPlot.TickGenerators.NumericAutomatic WholeNumbers() => new() { IntegerTicksOnly = true };

    /// <summary>Which of so many lines get a name: all, or about a dozen from the first to the last.</summary>
    private static HashSet<int> Named(int lines) =>
        lines <= MostLegends
            ? [.. Enumerable.Range(0, lines)]
            : [.. Enumerable.Range(0, MostLegends).Select(i => i * (lines - 1) / (MostLegends - 1))];

    /// <summary>Names of stages; where there are too many of them, of chains.</summary>
    private static Dictionary<DurableCurve, string> Labels(IReadOnlyList<DurableCurve> curves)
    {
        var firsts = curves.DistinctBy(curve => curve.Plan.Id.Chain).ToList();
        var byChain = curves.Count > MostLegends && firsts.Count > 1;
        var lines = byChain ? firsts : curves;
        var named = Named(lines.Count);
        return lines
            .Where((_, index) => named.Contains(index))
            .ToDictionary(curve => curve, curve => byChain ? FormattableString.Invariant($"chain{curve.Plan.Id.Chain}") : Label(curve));
    }

    private static string Label(DurableCurve curve) =>
        curve.Plan.Role == ChainRole.Members ? curve.Plan.Id.ToString() : $"{curve.Plan.Id} (baseline)";

    private static (double[] Steps, double[] Losses) Smooth(IReadOnlyList<float> losses)
    {
        var size = (int)Math.Ceiling((double)losses.Count / MostPoints);
        // Values that are not finite are left out: a line to infinity would flatten all others.
        var bins = losses
            .Index()
            .Chunk(size)
            .Select(bin => bin.Where(step => float.IsFinite(step.Item)).ToList())
            .Where(bin => bin.Count > 0)
            .ToList();
        return (
            [.. bins.Select(bin => bin.Average(step => step.Index + 1.0))],
            [.. bins.Select(bin => bin.Average(step => (double)step.Item))]
        );
    }
}
