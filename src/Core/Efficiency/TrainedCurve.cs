namespace Slowrun.Core.Efficiency;

/// <summary>A curve whose points were trained.</summary>
/// <param name="Points">All candidates of each point, ascending in tokens.</param>
public sealed record TrainedCurve(BaselineKind Kind, IReadOnlyList<IReadOnlyList<BaselineResult>> Points, CurveEnd End)
{
    private IReadOnlyList<BaselineResult> Chosen => [.. Points.Select(BaselineResult.Best)];

    /// <summary>The model's factor; null where the curve has no point yet.</summary>
    public CurveFactor? FactorOf(JudgedModel model, long trainTokens, PairedBootstrap bootstrap)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(bootstrap);
        var chosen = Chosen;
        return chosen.Count == 0
            ? null
            : new CurveFactor(
                Kind,
                BaselineCurve.FactorOf(
                    model.LossNats,
                    [.. chosen.Select(point => new BaselinePoint(point.Candidate.Tokens, point.LossNats))],
                    trainTokens
                ),
                model.Blocks is { } blocks
                    ? bootstrap.Interval(blocks, [.. chosen.Select(point => (point.Candidate.Tokens, point.Blocks))], trainTokens)
                    : null
            );
    }

    public EfficiencyCurve Reported(long trainTokens) =>
        new(
            Kind,
            [
                .. Points
                    .Zip(Chosen)
                    .Select(point => new CurvePoint(
                        point.Second.Candidate.Tokens,
                        (double)point.Second.Candidate.Tokens / trainTokens,
                        point.Second.LossNats,
                        Reported(point.Second),
                        [.. point.First.Select(Reported)]
                    )),
            ],
            End
        );

    private static CurveCandidate Reported(BaselineResult result) =>
        new(
            result.Run,
            result.Candidate.Size.ToString(),
            result.Candidate.Passes,
            result.Candidate.LearningRate,
            result.FitnessLossNats,
            result.LossNats
        );

    public bool Equals(TrainedCurve? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
