namespace Slowrun.Core.Stages;

/// <summary>
/// Where a stage's time went from the submission of its run until <see cref="Until"/>, in seconds that follow each other without a gap: the
/// sum is the wall-clock time between the two. Kept in the root, so every owner goes on in it; times are the store's.
/// </summary>
public sealed record StageLedger : ExtensibleRecord
{
    /// <summary>Training whose result counts. While an owner trains, also what it has not committed yet.</summary>
    public double TrainingSeconds { get; init; }

    /// <summary>Training that was lost with its owner, and had to be done again.</summary>
    public double LostSeconds { get; init; }

    /// <summary>Fetching data, teacher and checkpoint, building the model.</summary>
    public double RestoreSeconds { get; init; }

    /// <summary>A trainer that waits for a checkpoint: the memory copy, and at a stage's end or its owner's departure the upload.</summary>
    public double StallSeconds { get; init; }

    /// <summary>No silo owns the stage though it is ready, while some silo is alive.</summary>
    public double SlotSeconds { get; init; }

    /// <summary>The stage before it in the chain has not finished.</summary>
    public double BeforeSeconds { get; init; }

    /// <summary>Its owner is gone and no silo that is alive has noticed, or it waits after an error.</summary>
    public double DownSeconds { get; init; }

    /// <summary>Paused, cancelled, or failed; or no silo is alive: it waits for a person or for a machine.</summary>
    public double HeldSeconds { get; init; }

    public int Checkpoints { get; init; }

    /// <summary>Until when time has been accounted for; null: the stage was never taken.</summary>
    public DateTimeOffset? Until { get; init; }

    public double TotalSeconds =>
        TrainingSeconds + LostSeconds + RestoreSeconds + StallSeconds + SlotSeconds + BeforeSeconds + DownSeconds + HeldSeconds;

    /// <summary>This ledger with the time up to <paramref name="until"/> put down to one account; a time that is over already changes
    /// nothing.</summary>
    public StageLedger Spend(Account account, DateTimeOffset until)
    {
        if (Until is not { } from || until <= from)
        {
            return this with { Until = Until ?? until };
        }

        return Add(account, (until - from).TotalSeconds) with
        {
            Until = until,
        };
    }

    /// <summary>This ledger with training that has turned out to be lost: what it has beyond <paramref name="keptSeconds"/>.</summary>
    public StageLedger Lose(double keptSeconds)
    {
        var lost = Math.Max(0, TrainingSeconds - keptSeconds);
        return this with { TrainingSeconds = TrainingSeconds - lost, LostSeconds = LostSeconds + lost };
    }

    private StageLedger Add(Account account, double seconds) =>
        account switch
        {
            Account.Training => this with { TrainingSeconds = TrainingSeconds + seconds },
            Account.Restore => this with { RestoreSeconds = RestoreSeconds + seconds },
            Account.Stall => this with { StallSeconds = StallSeconds + seconds },
            Account.Slot => this with { SlotSeconds = SlotSeconds + seconds },
            Account.Before => this with { BeforeSeconds = BeforeSeconds + seconds },
            Account.Down => this with { DownSeconds = DownSeconds + seconds },
            Account.Held => this with { HeldSeconds = HeldSeconds + seconds },
            _ => throw new ArgumentOutOfRangeException(nameof(account), account, "There is no such account."),
        };
}
