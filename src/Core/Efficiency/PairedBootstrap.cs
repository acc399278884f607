using Slowrun.Core.Randomness;

namespace Slowrun.Core.Efficiency;

/// <summary>
/// A confidence interval of a factor (Efron 1979, percentiles): validation blocks are drawn with replacement, the same ones for the model
/// and for every point of the curve, and the factor is read again. It covers the luck of the validation text, not that of training.
/// </summary>
public static class PairedBootstrap
{
    public const int Replications = 2_000;

    /// <summary>Share of the replications that lie in the interval.</summary>
    public const double Level = 0.95;

    private const string What = "efficiency-bootstrap";

    /// <param name="model">On the same blocks as the points.</param>
    /// <param name="curve">Ascending in tokens.</param>
    /// <param name="seed">The same seed gives the same interval, on any machine.</param>
    /// <exception cref="ArgumentException">The models were judged on other blocks.</exception>
    public static FactorInterval Interval(
        LossBlocks model,
        IReadOnlyList<(long Tokens, LossBlocks Loss)> curve,
        long trainTokens,
        long seed,
        int replications = Replications
    )
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(curve);
        if (curve.FirstOrDefault(point => !point.Loss.Targets.SequenceEqual(model.Targets)).Loss is { } other)
        {
            throw new ArgumentException(
                $"The curve was judged on {other.Targets.Count} blocks of {other.Targets.Sum()} targets, the model on {model.Targets.Count} of {model.Targets.Sum()}.",
                nameof(curve)
            );
        }

        var blocks = model.Targets.Count;
        var drawn = new int[blocks];
        var points = new BaselinePoint[curve.Count];
        var factors = new DataFactor[replications];
        for (var r = 0; r < replications; r++)
        {
            var random = new Mt19937(Seeds.Derive(seed, What, r));
            for (var b = 0; b < blocks; b++)
            {
                drawn[b] = (int)(((ulong)random.NextUInt32() * (ulong)blocks) >> 32);
            }

            for (var i = 0; i < points.Length; i++)
            {
                points[i] = new BaselinePoint(curve[i].Tokens, curve[i].Loss.LossNats(drawn));
            }

            factors[r] = BaselineCurve.FactorOf(model.LossNats(drawn), points, trainTokens);
        }

        Array.Sort(Array.ConvertAll(factors, factor => factor.Rank), factors);
        var outside = (int)Math.Floor((1 - Level) / 2 * replications);
        return new FactorInterval(factors[outside], factors[^(outside + 1)]);
    }
}

/// <summary>Both ends may lie beyond the curve.</summary>
public sealed record FactorInterval(DataFactor Low, DataFactor High);
