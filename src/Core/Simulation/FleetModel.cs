using Slowrun.Core.Plan;

namespace Slowrun.Core.Simulation;

/// <summary>The machines that a run is simulated on: each alike, each replaced when it is lost.</summary>
public sealed record FleetModel
{
    public required int Machines { get; init; }

    /// <summary>Devices of each machine.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>How many stages a machine trains at a time; null: as many as it has slots.</summary>
    public int? StagesPerMachine { get; init; }

    /// <summary>Speed of twice as many slots on one stage, as a share of twice the speed.</summary>
    public double ScalingPerDoubling { get; init; } = 1;

    /// <summary>Cores of a machine: an upload burns one of them at most.</summary>
    public int Processors { get; init; } = 1;

    /// <summary>Of one machine.</summary>
    public double PricePerHour { get; init; }

    /// <summary>Losses of one machine in an hour, on average; they come at random (Poisson). 0: none.</summary>
    public double EvictionsPerHour { get; init; }

    /// <summary>From an eviction's announcement to the machine's end.</summary>
    public double NoticeSeconds { get; init; }

    /// <summary>Share of evictions that are announced; the others come without a word.</summary>
    public double NoticeShare { get; init; } = 1;

    /// <summary>From a machine's order until its silo looks for work.</summary>
    public double BootSeconds { get; init; }

    /// <summary>From an eviction's announcement, or the loss where there was none, until the next machine is ordered.</summary>
    public double ReplacedAfterSeconds { get; init; }

    /// <summary>From a loss without a word until the others know of it.</summary>
    public double DetectionSeconds { get; init; }

    /// <summary>From the moment that something is ready until a free slot takes it.</summary>
    public double TakeSeconds { get; init; }

    /// <summary>Of a take, beside the checkpoint's download: building the model, the first question to the store.</summary>
    public double RestoreSeconds { get; init; }

    public double DownloadBytesPerSecond { get; init; } = double.PositiveInfinity;

    public double UploadBytesPerSecond { get; init; } = double.PositiveInfinity;

    /// <summary>Of a commit, beside the upload.</summary>
    public double CommitSeconds { get; init; }

    /// <summary>What training waits for at a checkpoint: the memory copy.</summary>
    public double StallSeconds { get; init; }

    /// <summary>Of one ensemble's averaging.</summary>
    public double AverageSeconds { get; init; }

    /// <summary>A machine for which nothing is ready for so long ends, and is not replaced; null: never.</summary>
    public TimeSpan? ExitWhenIdle { get; init; }

    /// <summary>Losses that happen at these moments instead of at random; empty: they are drawn.</summary>
    public IReadOnlyList<PlannedLoss> Losses { get; init; } = [];

    /// <summary>When a simulation gives up.</summary>
    public double HorizonSeconds { get; init; } = 366 * 86_400.0;

    /// <summary>Whether anything happens at random: otherwise all replications are the same.</summary>
    public bool IsChancy => EvictionsPerHour > 0 && Losses.Count == 0;

    /// <summary>Seconds from the capture of so many bytes to their commit.</summary>
    public double BehindSeconds(long bytes) => CommitSeconds + (bytes / UploadBytesPerSecond);

    /// <summary>How many times as fast as one slot.</summary>
    public double SpeedOf(int slots) => slots * Math.Pow(ScalingPerDoubling, Math.Log2(slots));

    public bool Equals(FleetModel? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>A loss at a known moment.</summary>
/// <param name="Stage">The machine that trains this is lost; null, or nobody trains it: one that trains nothing, else any.</param>
/// <param name="NoticeSeconds">Null: it comes without a word.</param>
public sealed record PlannedLoss(double AtSeconds, StageId? Stage, double? NoticeSeconds)
{
    /// <summary>From this loss, where it comes without a word, until the others know of it; null: as the fleet's.</summary>
    public double? DetectionSeconds { get; init; }

    /// <summary>The machine that is lost where none trains <see cref="Stage"/> and this one has no work, counted from 0 in the order in
    /// which machines are ordered; it may not have booted yet. Null: any.</summary>
    public int? Machine { get; init; }
}

/// <summary>What a stage takes on one slot.</summary>
/// <param name="SnapshotBytes">Uploaded at its end, with the final state, while the slot waits.</param>
public sealed record StageModel(int Steps, double StepSeconds, long CheckpointBytes, long SnapshotBytes, double ScoreSeconds)
{
    public long FinishBytes => CheckpointBytes + SnapshotBytes;
}
