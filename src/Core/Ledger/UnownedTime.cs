using Slowrun.Core.Stages;

namespace Slowrun.Core.Ledger;

/// <summary>Accounts for the time in which no silo trained a stage, when it is taken or looked at. All times are the store's.</summary>
public sealed record UnownedTime
{
    /// <summary>The stage's root before the take; null: it was never taken.</summary>
    public StageRoot? Root { get; init; }

    /// <summary>The last progress report of the last owner; it counts only where it bears the root's epoch token.</summary>
    public StageProgress? Progress { get; init; }

    /// <summary>When the run was submitted: where the time of a stage begins.</summary>
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>When the stage before it finished; null: there is none, or it has not.</summary>
    public DateTimeOffset? BeforeFinishedAt { get; init; }

    /// <summary>Since when a silo that is alive now has been running; null: no silo is alive.</summary>
    public DateTimeOffset? ServedSince { get; init; }

    /// <summary>When the reader first saw that the stage could be taken; null: just now.</summary>
    public DateTimeOffset? ReadySince { get; init; }

    /// <summary>The stage waits for the one before it still.</summary>
    public bool WaitsForBefore { get; init; }

    /// <summary>It waits for a person still.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Steps beyond the last commit that a lost owner had reported: a lower bound of the steps that are lost.</summary>
    public long LostSteps =>
        Root is { Owner: not null } root && Progress?.IsOf(root) == true ? Math.Max(0, Progress.Step - root.DurableStep) : 0;

    /// <summary>The ledger up to <paramref name="now"/>, and the part of the last owner's training that is lost.</summary>
    public StageLedger Until(DateTimeOffset now)
    {
        var ready = Earlier(ReadySince ?? now, now);
        if (Root is not { EpochToken: > 0 } root)
        {
            var fresh = new StageLedger { Until = SubmittedAt };
            return WaitsForBefore
                ? fresh.Spend(Account.Before, now)
                : Unattended(BeforeFinishedAt is { } before ? fresh.Spend(Account.Before, Earlier(before, now)) : fresh, now);
        }

        var ledger = root.Ledger.Until is null ? root.Ledger with { Until = root.WrittenAt } : root.Ledger;
        if (root.Owner is not null)
        {
            // Lost: from its last sign of life until a silo that lives noticed. While no silo was alive, no silo could have noticed.
            var seen = WithoutSilo(LastSeen(root, ledger), now);
            return IsHeld
                ? seen.Spend(Account.Down, Earlier(ReadySince ?? seen.Until ?? now, now)).Spend(Account.Held, now)
                : seen.Spend(Account.Down, ready).Spend(Account.Slot, now);
        }

        return root switch
        {
            _ when IsHeld => ledger.Spend(Account.Held, now),
            { Failure: not null } or { ReleasedFor: ReleaseCause.Held } => ledger.Spend(Account.Held, ready).Spend(Account.Slot, now),
            { ReleasedFor: ReleaseCause.Error } => WithoutSilo(ledger, now).Spend(Account.Down, now),
            _ => Unattended(ledger, now),
        };
    }

    /// <summary>The ledger as the lost owner last reported it, with its training since the last commit booked as lost.</summary>
    public StageLedger LastSeen(StageRoot root, StageLedger ledger)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(ledger);
        return Progress is { Ledger: { } told } && Progress.IsOf(root) && told.Until > ledger.Until
            ? told.Lose(root.KeptSeconds) with
            {
                Checkpoints = ledger.Checkpoints,
            }
            : ledger;
    }

    /// <summary>Time without an owner: the stage was held while no silo was alive, and otherwise waited for a slot.</summary>
    private StageLedger Unattended(StageLedger ledger, DateTimeOffset now) => WithoutSilo(ledger, now).Spend(Account.Slot, now);

    /// <summary>The ledger with the time in which no silo was alive booked as held: the user had stopped all silos, or had no
    /// machine.</summary>
    private StageLedger WithoutSilo(StageLedger ledger, DateTimeOffset now) => ledger.Spend(Account.Held, Earlier(ServedSince ?? now, now));

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}
