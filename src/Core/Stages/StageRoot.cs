using System.Text.Json.Serialization;

namespace Slowrun.Core.Stages;

/// <summary>
/// The root document of a stage, and the stage grain's persistent state: replaced by conditional write only, and by the owner of the
/// highest <see cref="EpochToken"/> only. Committing a checkpoint is writing it. Recovery starts here, never from a listing.
/// </summary>
public sealed record StageRoot : ExtensibleRecord, IVersionedDocument
{
    public const int CurrentVersion = 1;

    /// <summary>Raised only when an older version of slowrun must not go on with a stage: it then refuses the root.</summary>
    public int Version { get; init; } = CurrentVersion;

    int IVersionedDocument.Newest => CurrentVersion;

    /// <summary>Fresh with every write: tells one's own retried success from another's write.</summary>
    public string WriteId { get; init; } = "";

    /// <summary>Grows with every write: of two roots of one epoch token, the one with the higher revision is newer. 0: written by an older
    /// version.</summary>
    public long Revision { get; init; }

    /// <summary>Grows with every take; fences the older owners. 0: never taken.</summary>
    public long EpochToken { get; init; }

    /// <summary>Who trains the stage now; null once released.</summary>
    public StageOwner? Owner { get; init; }

    /// <summary>What the stage's bytes depend on; set at the first take, and every later take must have the same.</summary>
    public StageIdentity? Identity { get; init; }

    /// <summary>Optimizer steps of the whole stage.</summary>
    public int Steps { get; init; }

    /// <summary>The newest checkpoint, and the one before it (used when the newest is damaged).</summary>
    public CheckpointRef? Current { get; init; }

    public CheckpointRef? Previous { get; init; }

    /// <summary>Set when the stage has finished; <see cref="Current"/> is then its final state.</summary>
    public SnapshotRef? Snapshot { get; init; }

    public StageFailure? Failure { get; init; }

    /// <summary>Why the last owner released the stage; null: it has an owner, or was never released.</summary>
    public ReleaseCause? ReleasedFor { get; init; }

    /// <summary>Takes since the last commit that ended with an error or with the crash of their process; a commit sets it to 0.</summary>
    public int FailedTakes { get; init; }

    /// <summary>Takes since the last commit whose owner was lost, or ended by itself, for no known reason; a commit sets it to 0.</summary>
    public int LostTakes { get; init; }

    /// <summary>Machines lost under the stage: owners that were gone without a release, and those that were evicted.</summary>
    public int Preemptions { get; init; }

    /// <summary>Silos of the last <see cref="MostLostSilos"/> preemptions, the newest last: one machine that is lost under two stages is
    /// one.</summary>
    public IReadOnlyList<string> LostSilos { get; init; } = [];

    /// <summary>Keeps the root small, however long a stage takes. Each older loss counts as one machine.</summary>
    public const int MostLostSilos = 64;

    /// <summary>Steps known to have been trained and lost (a lower bound: those that the lost owner had reported).</summary>
    public long LostSteps { get; init; }

    /// <summary>How often the stage went on with another device's arithmetic, as a user allowed: its bytes depend on the steps at which it
    /// did.</summary>
    public int Adoptions { get; init; }

    public StageLedger Ledger { get; init; } = new();

    /// <summary>When this was written, by the writer's clock. For people; no decision depends on it.</summary>
    public DateTimeOffset WrittenAt { get; init; }

    /// <summary>The trace in which this was written (a W3C <c>traceparent</c>), where its writer was traced: the next take goes on in
    /// it.</summary>
    public string? TraceParent { get; init; }

    /// <summary>This root with one more machine lost.</summary>
    /// <param name="silo">Its address.</param>
    public StageRoot Preempted(string silo) =>
        this with
        {
            Preemptions = Preemptions + 1,
            LostSilos = [.. LostSilos.TakeLast(MostLostSilos - 1), silo],
        };

    /// <summary>The step the stage goes on from.</summary>
    public int DurableStep => Current?.Step ?? 0;

    /// <summary>Training that led to the checkpoint that the stage goes on from, in seconds. The ledger has it, but of a checkpoint that
    /// its owner did not live to commit: then the checkpoint has more, until the next take.</summary>
    public double KeptSeconds => Math.Max(Ledger.TrainingSeconds, Current?.TrainingSeconds ?? 0);

    public bool Finished => Snapshot is not null;

    /// <summary>Whether this was written after <paramref name="other"/>, as far as tokens and revisions tell.</summary>
    public bool IsNewerThan(StageRoot? other) =>
        other is null || EpochToken > other.EpochToken || (EpochToken == other.EpochToken && Revision > other.Revision);

    public bool Equals(StageRoot? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>The silo that has taken the stage, with the slots it uses.</summary>
/// <param name="Silo">Orleans silo address, <c>127.0.0.1:11111@generation</c>.</param>
/// <param name="SiloName">For people.</param>
/// <param name="Slots">Slots held, for example <c>cpu:0</c>.</param>
public sealed record StageOwner(string Silo, string SiloName, IReadOnlyList<string> Slots, DateTimeOffset Since) : ExtensibleRecord
{
    /// <summary>
    /// Version of the cluster's membership that its silo had seen at the take: an older view does not know whether this owner lives. Null:
    /// not known (the owner runs an older version).
    /// </summary>
    public long? MembershipVersion { get; init; }

    public bool Equals(StageOwner? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>What the bytes of a stage depend on. Anything that differs at a later take is an error, never silently another
/// training.</summary>
public sealed record StageIdentity : ExtensibleRecord
{
    public required string RecipeSha256 { get; init; }

    public required string DataSha256 { get; init; }

    /// <summary>Hash of the snapshot that teaches, or of the ensemble's members with their weights; null: no teacher.</summary>
    public string? TeacherSha256 { get; init; }

    /// <summary>Hash of the predecessor's final state for a continued stage; null for a fresh one.</summary>
    public string? PredecessorSha256 { get; init; }

    public required int EngineRevision { get; init; }

    public required string NumericsFingerprint { get; init; }

    /// <summary>The prefix of fingerprints of devices that do not repeat their own bits: training there is best effort.</summary>
    public const string UnrepeatablePrefix = "unrepeatable-";

    /// <summary>Instead of a fingerprint, where weights are taken over as they are: no device computes anything.</summary>
    public const string ImportedFingerprint = "imported-weights";

    public override string ToString() => IdentityDifferences.Text(this);

    [JsonIgnore]
    public bool IsRepeatable => !NumericsFingerprint.StartsWith(UnrepeatablePrefix, StringComparison.Ordinal);
}

/// <summary>A committed checkpoint: <see cref="Manifest"/> names its parts with sizes and hashes.</summary>
/// <param name="Manifest">Object name of the manifest.</param>
/// <param name="ManifestXxHash128">Lower-case hex of the manifest's bytes.</param>
public sealed record CheckpointRef(
    string Manifest,
    string ManifestXxHash128,
    int Step,
    long EpochToken,
    long LengthBytes,
    DateTimeOffset At
) : ExtensibleRecord
{
    /// <summary>Training that led to it, over all owners: what counts if the stage goes on from here.</summary>
    public double TrainingSeconds { get; init; }

    /// <summary>What checkpoints of the stage cost before it, and how often they are taken; null where none was measured.</summary>
    public CheckpointPace? Pace { get; init; }
}

/// <param name="CostSeconds">Training time that one takes away: the stall, and what its upload slows the trainers down.</param>
/// <param name="TookSeconds">From capture to commit.</param>
/// <param name="IntervalSeconds">Between two of them, as now computed from cost and losses.</param>
public sealed record CheckpointPace(double CostSeconds, double TookSeconds, double IntervalSeconds) : ExtensibleRecord;

/// <summary>The weights a finished stage keeps, by their SHA-256.</summary>
public sealed record SnapshotRef(string Name, string Sha256, long LengthBytes, DateTimeOffset At) : ExtensibleRecord;

/// <param name="Retry">The intent's retry number at which it failed: a higher one clears it.</param>
public sealed record StageFailure(string Cause, string Advice, int Retry, DateTimeOffset At) : ExtensibleRecord
{
    /// <summary>Another try would end in the same way, since it would compute the same bytes.</summary>
    public bool Repeats { get; init; }
}
