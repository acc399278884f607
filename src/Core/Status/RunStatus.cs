using System.Text.Json.Serialization;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Status;

/// <summary>The state and progress of a run, as <c>status -o json</c> prints them.</summary>
public sealed record RunStatus : ExtensibleRecord
{
    public required string Name { get; init; }

    /// <summary>What the run is called since 'slowrun rename'; null: by its name alone.</summary>
    public string? GivenName { get; init; }

    /// <summary>For people: what the run is called, and its name where that is another one.</summary>
    [JsonIgnore]
    public string Title => GivenNames.Title(Name, GivenName);

    public required RunState State { get; init; }

    /// <summary>Silos that are alive, whether they work on this run or not; null: not known.</summary>
    public int? AliveSilos { get; init; }

    /// <summary>The state; where no silo is alive to carry the run on, it says so.</summary>
    [JsonIgnore]
    public string StateText => State is RunState.Pending or RunState.Running && AliveSilos == 0 ? $"{State} (no silo)" : State.ToString();

    /// <summary>Chains that are worked on: a stage of theirs has a living owner, or went over to the next owner, or stage, a moment ago.
    /// Null: not known.</summary>
    public int? ChainsAtWork { get; init; }

    public required DateTimeOffset AsOf { get; init; }

    public required StatusSource Source { get; init; }

    public EnsembleStatus? Ensemble { get; init; }

    /// <summary>Where the run's time went; null where that is not known.</summary>
    public RunLedger? Ledger { get; init; }

    /// <summary>The run's operations as they are now.</summary>
    public Operations? Operations { get; init; }

    /// <summary>Documents that cannot be read; null: none.</summary>
    public IReadOnlyList<DocumentDamage>? Damage { get; init; }

    /// <summary>Failures and delays that living silos see at the store; null: none known.</summary>
    public IReadOnlyList<SiloTrouble>? StoreTroubles { get; init; }

    public required IReadOnlyList<StageStatus> Stages { get; init; }

    public bool Equals(RunStatus? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>Who answered; lower case on the command line (a contract).</summary>
public enum StatusSource
{
    [JsonStringEnumMemberName("cluster")]
    Cluster,

    [JsonStringEnumMemberName("store")]
    Store,
}

/// <summary>The average of all members scored so far, or of those selected.</summary>
/// <param name="Members">How many members count: those that a selection leaves out do not.</param>
/// <param name="MemberStages">All that were considered, in order.</param>
/// <param name="Running">Loss of the even average of the first 1, 2, … of <paramref name="MemberStages"/>.</param>
public sealed record EnsembleStatus(
    int Members,
    double LossNats,
    double BitsPerByte,
    IReadOnlyList<StageId> MemberStages,
    IReadOnlyList<double> Running
) : ExtensibleRecord
{
    /// <summary>One for each of <see cref="MemberStages"/>, 0 for those left out. Null: all count alike.</summary>
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>Every size of a selection, with its loss.</summary>
    public IReadOnlyList<SelectionScore>? Selections { get; init; }

    public bool Equals(EnsembleStatus? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public sealed record StageStatus : ExtensibleRecord
{
    public required StageId Id { get; init; }

    public required ChainRole Role { get; init; }

    public required StageState State { get; init; }

    public required int Step { get; init; }

    public required int Steps { get; init; }

    public required int DurableStep { get; init; }

    public double? DurableAgeSeconds { get; init; }

    public StageOwner? Owner { get; init; }

    public required long EpochToken { get; init; }

    public required int Preemptions { get; init; }

    public required long LostSteps { get; init; }

    /// <summary>Where its time went; null where it was never taken, or that is not known.</summary>
    public StageLedger? Ledger { get; init; }

    /// <summary>Its bytes cannot be reproduced: its device does not repeat its own bits, or a user let the stage go on with another
    /// device's arithmetic.</summary>
    public bool BestEffort { get; init; }

    /// <summary>Over the last seconds.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Over the last minutes, with the checkpoints in them; null: not known, as in the first seconds of a take.</summary>
    public double? SteadyTokensPerSecond { get; init; }

    /// <summary>The devices it trains on, as last seen; null: processors, or devices that report nothing.</summary>
    public IReadOnlyList<DeviceUse>? Devices { get; init; }

    public double? TrainLossNats { get; init; }

    public double? ValLossNats { get; init; }

    public double? ValBitsPerByte { get; init; }

    public string? SnapshotSha256 { get; init; }

    /// <summary>Why it does not train, in a sentence; null where it does or has nothing to wait for.</summary>
    public string? Waits { get; init; }

    public string? Failure { get; init; }

    public bool Equals(StageStatus? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
