namespace Slowrun.Core.Stages;

/// <summary>
/// How far a stage's owner has got beyond what is durable. Pushed to the run grain about once a second, and left in the store
/// (unfenced, the last writer wins) so that a take can tell how many steps were lost. No decision about training depends on it.
/// </summary>
public sealed record StageProgress : ExtensibleRecord
{
    public required string Stage { get; init; }

    public required long EpochToken { get; init; }

    public required StageActivity Activity { get; init; }

    public required int Step { get; init; }

    public required int Steps { get; init; }

    /// <summary>Training loss of the last completed step, nats per token; null before the first.</summary>
    public double? TrainLossNats { get; init; }

    /// <summary>Over the last seconds.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Over the last minutes, with the checkpoints in them: what an estimate of the end goes by. Null in the first seconds of a
    /// take, whose steps are slower, and of an older version.</summary>
    public double? SteadyTokensPerSecond { get; init; }

    /// <summary>The devices it trains on; null: processors, or nothing tells.</summary>
    public IReadOnlyList<DeviceUse>? Devices { get; init; }

    /// <summary>When this take's first step was done; null before. What a lost owner cost ends here.</summary>
    public DateTimeOffset? FirstStepAt { get; init; }

    /// <summary>Where the stage's time went up to now; training that is not committed yet counts as kept.</summary>
    public StageLedger? Ledger { get; init; }

    /// <summary>The failures and delays that the owner's silo sees at its store now; null: none.</summary>
    public IReadOnlyList<StoreTrouble>? StoreTroubles { get; init; }

    /// <summary><see cref="StageRoot.Revision"/> of the root that this owner last wrote; null: the owner runs an older version. A reader
    /// that knows a lower revision reads the root again.</summary>
    public long? RootRevision { get; init; }

    /// <summary>The owner's last report: it has finished, released or failed the stage, as the root says. The run grain reads that root at
    /// once.</summary>
    public bool HasEnded { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Whether the owner named by the root can have reported this: its token must be the root's, and the stage must have its
    /// step.</summary>
    public bool IsOf(StageRoot root)
    {
        ArgumentNullException.ThrowIfNull(root);
        return EpochToken > 0 && EpochToken == root.EpochToken && Step >= 0 && (root.Steps == 0 || Step <= root.Steps);
    }

    public bool Equals(StageProgress? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public enum StageActivity
{
    Restoring,
    Training,
    Finishing,
    Scoring,
}
