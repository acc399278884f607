using Slowrun.Core.Stages;

namespace Slowrun.Core.Ledger;

/// <summary>One account of a <see cref="StageLedger"/>, with the name and description that commands, pages and metrics show.</summary>
/// <param name="Name">Lower case.</param>
/// <param name="Meaning">Which time is booked on it.</param>
/// <param name="Counts">Whether it is part of the time that goodput is a share of (<see cref="RunLedger.CountedSeconds"/>).</param>
public sealed record LedgerAccount(string Name, string Meaning, bool Counts, Func<StageLedger, double> Seconds)
{
    /// <summary>All accounts, those that count first. The last one is the time of earlier stages, and no part of a run's sums.</summary>
    public static IReadOnlyList<LedgerAccount> All { get; } =
    [
        new("training", "training whose result counts", true, ledger => ledger.TrainingSeconds),
        new("lost", "trained, then trained again", true, ledger => ledger.LostSeconds),
        new("restore", "fetching data, teacher and checkpoint", true, ledger => ledger.RestoreSeconds),
        new("stall", "waiting for a checkpoint", true, ledger => ledger.StallSeconds),
        new("down", "its machine gone, until that was noticed", true, ledger => ledger.DownSeconds),
        new("slot", "ready, and no slot was free", false, ledger => ledger.SlotSeconds) { InSentence = "without a slot" },
        new("held", "paused, cancelled, failed, or no silo alive", false, ledger => ledger.HeldSeconds),
        new("before", "waiting for the stage before it", false, ledger => ledger.BeforeSeconds),
    ];

    /// <summary>As it is read behind a time: "7 s without a slot".</summary>
    public string InSentence { get; init; } = Name;

    /// <summary>The accounts of a run's sums.</summary>
    public static IReadOnlyList<LedgerAccount> OfRun { get; } = [.. All.SkipLast(1)];
}
