using Slowrun.Reading.Curves;
using Slowrun.Reading.Runs;

namespace Slowrun.Web.Charts;

/// <summary>Charts of several runs: one colour a run.</summary>
internal static class ComparedCharts
{
    public static LineChart Training(IReadOnlyList<ComparedCurves> runs, CurveQuery query) =>
        new(
            "training",
            "Training loss",
            RunCharts.Steps(query),
            RunCharts.Loss,
            [.. runs.SelectMany((run, colour) => run.Curves.Select((curve, i) => Of(run, curve, colour, i)))]
        )
        {
            Zooms = true,
            Window = RunCharts.Window([.. runs.SelectMany(run => run.Curves)], query),
        };

    /// <summary>Loss of the even average of the first n members.</summary>
    public static LineChart Ensemble(IReadOnlyList<RunReading> runs) =>
        new(
            "ensemble",
            "Validation loss of the ensembles by number of members",
            "members",
            RunCharts.Loss,
            [
                .. runs.Select(
                    (run, colour) =>
                        new Series(run.Status.Title, colour, [.. (run.Status.Ensemble?.Running ?? []).Select((loss, i) => (i + 1.0, loss))])
                        {
                            Dots = true,
                            Dashed = colour >= SvgText.Colours.Length,
                        }
                ),
            ]
        );

    private static Series Of(ComparedCurves run, StageCurve curve, int colour, int nth) =>
        new($"{run.Run} {curve.Stage}", colour, [.. curve.Points.Select(point => (point[0], point[1]))])
        {
            // Later stages are stronger.
            Opacity = 0.45 + (0.55 * (nth + 1) / run.Curves.Count),
            Dashed = colour >= SvgText.Colours.Length,
        };
}
