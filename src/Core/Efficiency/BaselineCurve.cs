namespace Slowrun.Core.Efficiency;

/// <summary>Loss of an ordinary training by its tokens: points, and straight lines between them over the logarithm of the tokens.</summary>
public static class BaselineCurve
{
    /// <summary>
    /// The fewest tokens with which the baseline reaches a loss, over the run's own. Where noise lets the curve rise again, the first time
    /// counts: that favours the baseline. Nothing is extrapolated.
    /// </summary>
    /// <param name="points">At least one, ascending in tokens.</param>
    /// <param name="trainTokens">Of the run.</param>
    /// <exception cref="ArgumentException">There is no point, or they do not ascend.</exception>
    public static DataFactor FactorOf(double lossNats, IReadOnlyList<BaselinePoint> points, long trainTokens)
    {
        ArgumentNullException.ThrowIfNull(points);
        if (points.Count == 0 || points.Zip(points.Skip(1)).Any(pair => pair.First.Tokens >= pair.Second.Tokens))
        {
            throw new ArgumentException(
                $"A curve needs points of ascending tokens; found {points.Count}: {string.Join(", ", points.Select(point => point.Tokens))}.",
                nameof(points)
            );
        }

        double own = trainTokens;
        if (lossNats > points[0].LossNats)
        {
            return new DataFactor(points[0].Tokens / own, FactorKind.Below);
        }

        for (var i = 0; i < points.Count; i++)
        {
            if (points[i].LossNats <= lossNats)
            {
                return new DataFactor(TokensAt(lossNats, points, i) / own, FactorKind.Read);
            }
        }

        return new DataFactor(points[^1].Tokens / own, FactorKind.AtLeast);
    }

    /// <param name="i">The first point that is at least as good.</param>
    private static double TokensAt(double lossNats, IReadOnlyList<BaselinePoint> points, int i)
    {
        var to = points[i];
        if (i == 0 || to.LossNats == lossNats)
        {
            return to.Tokens;
        }

        var from = points[i - 1];
        var way = (from.LossNats - lossNats) / (from.LossNats - to.LossNats);
        return from.Tokens * Math.Pow((double)to.Tokens / from.Tokens, way);
    }
}
