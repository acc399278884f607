using Slowrun.Core.Efficiency;
using Slowrun.Reading.Curves;
using Slowrun.Reading.Runs;

namespace Slowrun.Web.Charts;

/// <summary>The charts of a run.</summary>
internal static class RunCharts
{
    public const string Loss = "nats per token";

    // Curves have the colours before it.
    private const int BestColour = 2;

    /// <summary>The last step there is a curve to.</summary>
    public static int Longest(IReadOnlyList<StageCurve> curves, CurveQuery query) =>
        Math.Max(2, curves.Select(curve => (query.InChain ? curve.FirstStep : 0) + curve.CurveSteps).DefaultIfEmpty(2).Max());

    /// <summary>What the axis counts.</summary>
    public static string Steps(CurveQuery query) => query.InChain ? "step of the chain" : "step of the stage";

    /// <summary>What of the axis is shown; null: all.</summary>
    public static (double From, double To)? Window(IReadOnlyList<StageCurve> curves, CurveQuery query) =>
        query.From is null && query.To is null
            ? null
            : (query.From ?? 1, Math.Max(query.To ?? Longest(curves, query), (query.From ?? 1) + 1));

    public static LineChart Training(IReadOnlyList<StageCurve> curves, CurveQuery query)
    {
        var perChain = curves.GroupBy(curve => curve.Stage.Chain).ToDictionary(chain => chain.Key, chain => chain.Count());
        var seen = new Dictionary<int, int>();
        return new LineChart(
            "training",
            "Training loss",
            Steps(query),
            Loss,
            [
                .. curves.Select(curve =>
                {
                    var chain = curve.Stage.Chain;
                    var nth = seen[chain] = seen.GetValueOrDefault(chain) + 1;
                    return new Series(curve.Stage.ToString(), chain, [.. curve.Points.Select(point => (point[0], point[1]))])
                    {
                        // Later stages are stronger.
                        Opacity = 0.45 + (0.55 * nth / perChain[chain]),
                        Dashed = curve.Role != Core.Recipes.ChainRole.Members,
                    };
                }),
            ]
        )
        {
            Zooms = true,
            Window = Window(curves, query),
        };
    }

    /// <summary>Validation loss of each stage's snapshot, a line a chain.</summary>
    public static LineChart Validation(RunReading run) =>
        new(
            "validation",
            "Validation loss of the snapshots",
            "stage of the chain",
            Loss,
            [
                .. run
                    .Status.Stages.Where(stage => stage.ValLossNats is not null)
                    .GroupBy(stage => stage.Id.Chain)
                    .Select(chain => new Series(
                        $"chain{chain.Key}",
                        chain.Key,
                        [.. chain.Select(stage => ((double)stage.Id.Stage, stage.ValLossNats!.Value))]
                    )
                    {
                        Dots = true,
                        Dashed = chain.First().Role != Core.Recipes.ChainRole.Members,
                    }),
            ]
        );

    /// <summary>Loss of the even average of the first n members, beside the members' own.</summary>
    public static LineChart Ensemble(RunReading run)
    {
        if (run.Status.Ensemble is not { } ensemble)
        {
            return new LineChart("ensemble", "Ensemble", "members", Loss, []);
        }

        var own = run
            .Status.Stages.Where(stage => stage.ValLossNats is not null)
            .ToDictionary(stage => stage.Id, stage => stage.ValLossNats!.Value);
        return new LineChart(
            "ensemble",
            "Validation loss of the ensemble by number of members",
            "members",
            Loss,
            [
                new Series("ensemble of the first n", 0, [.. ensemble.Running.Select((loss, i) => (i + 1.0, loss))]) { Dots = true },
                new Series(
                    "the n-th member alone",
                    1,
                    [
                        .. ensemble
                            .MemberStages.Select((stage, i) => (X: i + 1.0, Y: own.GetValueOrDefault(stage, double.NaN)))
                            .Where(point => !double.IsNaN(point.Y)),
                    ]
                )
                {
                    Dots = true,
                    Dashed = true,
                },
            ]
        );
    }

    /// <summary>What ordinary trainings reach with more data, and the losses of the run's own models across it.</summary>
    public static LineChart Efficiency(EfficiencyReport report)
    {
        var curves = report.Curves.Where(curve => curve.Points.Count > 0).ToList();
        var doublings = curves.SelectMany(curve => curve.Points).Select(point => Math.Log2(point.Times)).Append(0).ToList();
        var best = report.Models.MinBy(model => model.LossNats);
        return new LineChart(
            "efficiency",
            "Validation loss of ordinary trainings by their data",
            "doublings of the run's data",
            Loss,
            curves.Count == 0
                ? []
                :
                [
                    .. curves.Select(curve => new Series(
                        EfficiencyWords.Name(curve.Kind),
                        (int)curve.Kind,
                        [.. curve.Points.Select(point => (Math.Log2(point.Times), point.LossNats))]
                    )
                    {
                        Dots = true,
                    }),
                    .. best is null
                        ? Array.Empty<Series>()
                        :
                        [
                            new Series(best.Name, BestColour, [(doublings.Min(), best.LossNats), (doublings.Max(), best.LossNats)])
                            {
                                Dashed = true,
                            },
                        ],
                ]
        );
    }
}
