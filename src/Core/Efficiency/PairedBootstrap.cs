using Slowrun.Core.Randomness;

namespace Slowrun.Core.Efficiency;

/// <summary>
/// Confidence intervals of factors (Efron 1979, percentiles): validation blocks are drawn with replacement, the same ones for every model
/// and every point of a curve, and factors are read again. They cover the luck of the validation text, not that of training.
/// </summary>
/// <param name="seed">The same seed gives the same intervals, on any machine.</param>
public sealed class PairedBootstrap(long seed, int replications = PairedBootstrap.Replications)
{
    public const int Replications = 2_000;

    /// <summary>Share of the replications that lie in an interval.</summary>
    public const double Level = 0.95;

    private const string What = "efficiency-bootstrap";

    // Kept for all models of a question: they are the same for each.
    private int[][] draws = [];

    /// <param name="model">On the same blocks as the points.</param>
    /// <param name="curve">Ascending in tokens.</param>
    /// <exception cref="ArgumentException">The models were judged on other blocks.</exception>
    public FactorInterval Interval(LossBlocks model, IReadOnlyList<(long Tokens, LossBlocks Loss)> curve, long trainTokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(curve);
        if (curve.FirstOrDefault(point => !point.Loss.Targets.SequenceEqual(model.Targets)).Loss is { } other)
        {
            throw new ArgumentException(
                $"The curve was judged on {other.Targets.Count} blocks of {other.Targets.Sum()} targets, the model on "
                    + $"{model.Targets.Count} of {model.Targets.Sum()}.",
                nameof(curve)
            );
        }

        var points = new BaselinePoint[curve.Count];
        var factors = Array.ConvertAll(
            Draws(model.Targets.Count),
            drawn =>
            {
                for (var i = 0; i < points.Length; i++)
                {
                    points[i] = new BaselinePoint(curve[i].Tokens, curve[i].Loss.LossNats(drawn));
                }

                return BaselineCurve.FactorOf(model.LossNats(drawn), points, trainTokens);
            }
        );
        Array.Sort(Array.ConvertAll(factors, factor => factor.Rank), factors);
        var outside = (int)Math.Floor((1 - Level) / 2 * replications);
        return new FactorInterval(factors[outside], factors[^(outside + 1)]);
    }

    private int[][] Draws(int blocks)
    {
        if (draws.Length == 0 || draws[0].Length != blocks)
        {
            draws = [.. Enumerable.Range(0, replications).Select(replication => Draw(blocks, replication))];
        }

        return draws;
    }

    private int[] Draw(int blocks, int replication)
    {
        var random = new Mt19937(Seeds.Derive(seed, What, replication));
        var drawn = new int[blocks];
        for (var b = 0; b < blocks; b++)
        {
            drawn[b] = (int)(((ulong)random.NextUInt32() * (ulong)blocks) >> 32);
        }

        return drawn;
    }
}

/// <summary>Both ends may lie beyond the curve.</summary>
public sealed record FactorInterval(DataFactor Low, DataFactor High) : ExtensibleRecord;
