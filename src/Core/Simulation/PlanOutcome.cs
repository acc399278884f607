using Slowrun.Core.Ledger;

namespace Slowrun.Core.Simulation;

/// <summary>What came of a plan's replications.</summary>
/// <param name="FinishedShare">Of the replications: those that finished before the simulation gave up.</param>
/// <param name="Accounts">Mean seconds by account, in chain-seconds, and <c>ended</c>.</param>
public sealed record PlanOutcome(
    int Replications,
    Spread FinishSeconds,
    Spread Cost,
    Spread MachineHours,
    Spread Goodput,
    Spread MachinesLost,
    double FinishedShare,
    IReadOnlyDictionary<string, double> Accounts
)
{
    /// <summary>Most bytes of checkpoints and snapshots in the store at a time.</summary>
    public required Spread StoreMostBytes { get; init; }

    /// <summary>Of these, what is left when the run is over.</summary>
    public required Spread StoreEndBytes { get; init; }

    /// <summary>What the store is paid for until then.</summary>
    public required Spread StoreGigabyteMonths { get; init; }

    internal static PlanOutcome Of(IReadOnlyList<SimulatedRun> runs) =>
        new(
            runs.Count,
            Spread.Of(runs.Select(run => run.FinishedSeconds ?? double.PositiveInfinity)),
            Spread.Of(runs.Select(run => run.Cost)),
            Spread.Of(runs.Select(run => run.MachineHours)),
            Spread.Of(runs.Select(run => run.Ledger.Goodput ?? 0)),
            Spread.Of(runs.Select(run => (double)run.MachinesLost)),
            runs.Count(run => run.FinishedSeconds is not null) / (double)runs.Count,
            LedgerAccount
                .OfRun.Select(account => (account.Name, Seconds: runs.Average(run => account.Seconds(run.Ledger.Chains))))
                .Append(("ended", runs.Average(run => run.Ledger.EndedSeconds)))
                .ToDictionary(one => one.Item1, one => one.Item2)
        )
        {
            StoreMostBytes = Spread.Of(runs.Select(run => (double)run.Store.MostBytes)),
            StoreEndBytes = Spread.Of(runs.Select(run => (double)run.Store.EndBytes)),
            StoreGigabyteMonths = Spread.Of(runs.Select(run => run.Store.GigabyteMonths)),
        };

    public bool Equals(PlanOutcome? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>The least number that a tenth, a half and nine tenths of the replications do not exceed; null: it had not finished.</summary>
public sealed record Spread(double? P10, double? P50, double? P90)
{
    internal static Spread Of(IEnumerable<double> numbers)
    {
        var sorted = numbers.Order().ToList();
        return new Spread(At(0.1), At(0.5), At(0.9));

        double? At(double share) =>
            sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)] is var number && double.IsFinite(number) ? number : null;
    }
}
