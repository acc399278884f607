using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;

namespace Slowrun.Reading.Curves;

/// <summary>Which part of a run's training curves to return, with how many points.</summary>
/// <param name="Chain">Null: all.</param>
/// <param name="Stage">Null: all.</param>
/// <param name="From">First and last step; null: from the beginning, to the end.</param>
/// <param name="InChain">Steps count from the chain's beginning instead of the stage's.</param>
/// <param name="Points">For each curve; null: as many as a chart can show.</param>
public sealed record CurveQuery(
    int? Chain = null,
    StageId? Stage = null,
    int? From = null,
    int? To = null,
    bool InChain = false,
    int? Points = null
)
{
    // A chart is about 800 pixels wide; two values a pixel and curve are all that can be seen of few curves, and 20,000 in all draw
    // smoothly.
    private const int MostPointsACurve = 1600;
    private const int FewestPointsACurve = 120;
    private const int PointsInAll = 20_000;

    public async Task<IReadOnlyList<StageCurve>> ReadAsync(RunReading run, CurveCache curves, CancellationToken cancellationToken)
    {
        var stages = run
            .Facts.Plan.Stages.Where(plan => (Chain is null || plan.Id.Chain == Chain) && (Stage is null || plan.Id == Stage))
            .ToList();
        var points = Points ?? Math.Clamp(PointsInAll / Math.Max(1, stages.Count), FewestPointsACurve, MostPointsACurve);
        var steps = run.Status.Stages.ToDictionary(stage => stage.Id, stage => stage.Steps);
        var read = await Task.WhenAll(
            stages.Select(async plan =>
            {
                if (await curves.TryReadAsync(run.Facts, plan.Id, cancellationToken) is not { } curve)
                {
                    return null;
                }

                var before = run
                    .Facts.Plan.Stages.Where(other => other.Id.Chain == plan.Id.Chain && other.Id.Stage < plan.Id.Stage)
                    .Sum(other => steps[other.Id]);
                var first = InChain ? before : 0;
                // Computed as long: the request may contain any number.
                var from = (int)Math.Clamp((From ?? 0) - (long)first - 1, 0, curve.LossNats.Count);
                var to = Math.Clamp((To ?? int.MaxValue) - (long)first, from, curve.LossNats.Count);
                return new StageCurve(
                    plan.Id,
                    plan.Role,
                    steps[plan.Id],
                    curve.LossNats.Count,
                    before,
                    [
                        .. Thinning
                            .LowestAndHighest(curve.LossNats as float[] ?? [.. curve.LossNats], from, (int)to, points)
                            .Select(point => new double[] { first + point.Index + 1, point.Value }),
                    ]
                );
            })
        );
        return [.. read.OfType<StageCurve>()];
    }
}
