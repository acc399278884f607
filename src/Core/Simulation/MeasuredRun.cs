using Slowrun.Core.Explain;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Simulation;

/// <summary>What a run's own ledger says of the machines that it had. Null: it does not say.</summary>
/// <param name="FlopsPerSecond">Of a stage's owner, with as many slots as it had.</param>
/// <param name="StallSeconds">Of one checkpoint.</param>
/// <param name="CommitSeconds">From a capture to its commit.</param>
public sealed record MeasuredRun(
    double FlopsPerSecond,
    double TokensPerSecond,
    double? RestoreSeconds,
    double? StallSeconds,
    double? CommitSeconds
)
{
    /// <returns>Null where nothing was trained whose result counts.</returns>
    public static MeasuredRun? Of(RunFacts facts, RunExplanation explained, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(explained);
        var trained = facts
            .Plan.Stages.Zip(explained.Stages)
            .Select(pair => (Root: facts.RootOf(pair.First.Id), Asks: pair.Second))
            .Where(pair => pair.Root.Finished && !pair.Asks.Imported)
            .ToList();
        var seconds = trained.Sum(pair => pair.Root.Ledger.TrainingSeconds);
        if (seconds <= 0 || RunLedger.Of(facts, now) is not { } run)
        {
            return null;
        }

        var sums = run.Chains;
        var paces = trained.Select(pair => pair.Root.Current?.Pace).OfType<CheckpointPace>().ToList();
        double? took = paces.Count > 0 ? paces.Average(pace => pace.TookSeconds) : null;
        // At its end a stage waits for its last upload.
        double? stall =
            took is { } upload && sums.Checkpoints > 0
                ? Math.Max(0, (sums.StallSeconds - (trained.Count * upload)) / sums.Checkpoints)
                : null;
        return new MeasuredRun(
            trained.Sum(pair => pair.Asks.Tokens * pair.Asks.FlopsPerToken.Total) / seconds,
            trained.Sum(pair => pair.Asks.Tokens) / seconds,
            run.Takes > 0 ? sums.RestoreSeconds / run.Takes : null,
            stall,
            took is { } all ? Math.Max(0, all - (stall ?? 0)) : null
        );
    }
}
