using Slowrun.Core.Stages;

namespace Slowrun.Core.Ledger;

/// <summary>
/// The share of time that could at best be training that counts, for the checkpoint cost, detection and recovery that a run itself measured
/// (J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", FGCS 22, 2006). Losses come at random, at a
/// mean M of each other while a stage is trained; a segment of τ seconds of training with its checkpoint of δ is done when no loss fell
/// into it, and each loss costs what was trained of the segment, and D + R: E = (M + D + R)·(e^((τ+δ)/M) − 1), and the share is τ/E.
/// </summary>
public sealed record DalyOptimum : ExtensibleRecord
{
    /// <summary>M: time with an owner, for each loss.</summary>
    public required double BetweenLossesSeconds { get; init; }

    /// <summary>δ: what a checkpoint takes away from training, the mean over stages.</summary>
    public required double CheckpointCostSeconds { get; init; }

    /// <summary>D: the time from a loss until a silo notices it, per loss. Waiting for a slot is not part of it, nor of the time that
    /// shares are computed of: that wait depends on the number of machines.</summary>
    public required double DetectionSeconds { get; init; }

    /// <summary>R: reading the checkpoint and building the model, for each take.</summary>
    public required double RecoverySeconds { get; init; }

    /// <summary>τ of the highest share.</summary>
    public required double IntervalSeconds { get; init; }

    /// <summary>The highest share of training that counts.</summary>
    public required double Share { get; init; }

    /// <summary>The run's own share divided by the highest; above 1 where the losses happened to come at good moments.</summary>
    public required double Reached { get; init; }

    public const string Formula = "E(τ) = (M + D + R)·(e^((τ+δ)/M) − 1); best share = max over τ of τ/E(τ)";

    internal static DalyOptimum? Of(RunLedger run, IReadOnlyList<CheckpointPace> paces)
    {
        var sums = run.Chains;
        var owned = sums.TrainingSeconds + sums.LostSeconds + sums.StallSeconds + sums.RestoreSeconds;
        if (run.Preemptions == 0 || paces.Count == 0 || owned <= 0)
        {
            return null;
        }

        var between = owned / run.Preemptions;
        var detection = sums.DownSeconds / run.Preemptions;
        var recovery = sums.RestoreSeconds / Math.Max(1, run.Takes);
        var cost = paces.Average(pace => pace.CostSeconds);
        var (interval, share) = Best(between, cost, detection + recovery);
        return new DalyOptimum
        {
            BetweenLossesSeconds = between,
            CheckpointCostSeconds = cost,
            DetectionSeconds = detection,
            RecoverySeconds = recovery,
            IntervalSeconds = interval,
            Share = share,
            Reached = sums.TrainingSeconds / (owned + sums.DownSeconds) / share,
        };
    }

    /// <summary>The best interval and its share, to a thousandth of the interval: the share has one maximum.</summary>
    public static (double IntervalSeconds, double Share) Best(double betweenLosses, double cost, double afterLoss)
    {
        double Share(double logInterval)
        {
            var interval = Math.Exp(logInterval);
            return interval / ((betweenLosses + afterLoss) * (Math.Exp((interval + cost) / betweenLosses) - 1));
        }

        // The maximum lies below M; an interval of a microsecond is shorter than any step.
        var (low, high) = (Math.Log(1e-6), Math.Log(Math.Max(betweenLosses, 1e-5)));
        while (high - low > 1e-3)
        {
            var (a, b) = (low + ((high - low) / 3), high - ((high - low) / 3));
            (low, high) = Share(a) < Share(b) ? (a, high) : (low, b);
        }

        var best = (low + high) / 2;
        return (Math.Exp(best), Share(best));
    }
}
