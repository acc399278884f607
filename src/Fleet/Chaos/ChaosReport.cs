using Slowrun.Core.Plan;
using Slowrun.Core.Simulation;
using Slowrun.Fleet.Chaos.Damages;
using Slowrun.Fleet.Chaos.Plans;

namespace Slowrun.Fleet.Chaos;

/// <summary>The result of a disturbed run, compared with a calm one on the same fleet.</summary>
public sealed record ChaosReport
{
    public required string Spec { get; init; }

    public required int Seed { get; init; }

    public required int Silos { get; init; }

    public required string CalmRun { get; init; }

    public required string DisturbedRun { get; init; }

    /// <summary>Whether every stage's snapshot has the same bytes as the calm run's, and the ensemble the same score.</summary>
    public required bool Identical { get; init; }

    /// <summary>Validation loss of the calm run's members together, nats a token; null: it has none.</summary>
    public double? CalmLossNats { get; init; }

    /// <summary>That of the disturbed run; null where it ended without: what it needed was damaged for too long.</summary>
    public double? LossNats { get; init; }

    /// <summary>Stages that differ.</summary>
    public required IReadOnlyList<string> Differing { get; init; }

    public required double CalmSeconds { get; init; }

    public required double DisturbedSeconds { get; init; }

    /// <summary>Calm over disturbed time, both from the first silo's start to the run's end.</summary>
    public double Goodput => CalmSeconds / DisturbedSeconds;

    /// <summary>Optimizer steps that had to be trained again, as far as their owners had reported them.</summary>
    public required long LostSteps { get; init; }

    public required int Preemptions { get; init; }

    /// <summary>Silos that ended without having been disturbed: each is a defect.</summary>
    public required int UnplannedExits { get; init; }

    /// <summary>Undisturbed silos that the other side of a partition declared dead: at most one side stays.</summary>
    public int VotedOut { get; init; }

    /// <summary>Stages that lost their grain's activation while they trained, by the silos' logs. They train on; none should.</summary>
    public int LostActivations { get; init; }

    /// <summary>Planned; fewer were carried out where the run ended before.</summary>
    public required int Wanted { get; init; }

    public required IReadOnlyList<CarriedOut> Disturbances { get; init; }

    /// <summary>For <c>plan --replay</c>. Null where all machines were lost at once, or objects were damaged: no model has that.</summary>
    public RecordedRun? Recorded { get; init; }

    /// <summary>What was done to the run's objects; empty where none was to be damaged.</summary>
    public IReadOnlyList<DamageReport> Damages { get; init; } = [];

    public IReadOnlyDictionary<string, DamagedKindReport> DamagedKinds =>
        new SortedDictionary<string, DamagedKindReport>(
            Damages.GroupBy(one => one.Kind).ToDictionary(group => group.Key, group => DamagedKindReport.Of([.. group])),
            StringComparer.Ordinal
        );

    /// <summary>Damages after which the run made no progress and no message named them: each is a defect.</summary>
    public int Hangs => Damages.Count(one => one.Outcome == DamageOutcome.Hang);

    public IReadOnlyDictionary<string, int> ByMode => Counted(one => Name(one.Mode));

    public IReadOnlyDictionary<string, int> ByPhase => Counted(one => one.Phase);

    public IReadOnlyDictionary<string, ModeReport> Modes =>
        new SortedDictionary<string, ModeReport>(
            Disturbances.GroupBy(one => Name(one.Mode)).ToDictionary(group => group.Key, group => ModeReport.Of([.. group])),
            StringComparer.Ordinal
        );

    /// <summary>Null where none was announced.</summary>
    public NoticeReport? Notices => Disturbances.Any(one => one.NoticeSeconds is not null) ? NoticeReport.Of(Disturbances) : null;

    /// <summary>Seconds until the stage trained again, of those whose silo owned one that was not finished.</summary>
    public double? RecoveryP50Seconds => ModeReport.Of(Disturbances).RecoveryP50Seconds;

    public double? RecoveryMaxSeconds => ModeReport.Of(Disturbances).RecoveryMaxSeconds;

    private static string Name(ChaosMode mode) => mode.ToString().ToLowerInvariant();

    private SortedDictionary<string, int> Counted(Func<CarriedOut, string> key) =>
        new(Disturbances.GroupBy(key).ToDictionary(group => group.Key, group => group.Count()), StringComparer.Ordinal);
}

/// <summary>The results of one mode's disturbances.</summary>
/// <param name="OfOwners">How many of them took a stage from its owner.</param>
/// <param name="LostSteps">As <see cref="ChaosReport.LostSteps"/>.</param>
public sealed record ModeReport(int Count, int OfOwners, double? RecoveryP50Seconds, double? RecoveryMaxSeconds, long LostSteps)
{
    public static ModeReport Of(IReadOnlyList<CarriedOut> disturbances)
    {
        var recoveries = disturbances.Select(one => one.RecoverySeconds).OfType<double>().Order().ToList();
        return new ModeReport(
            disturbances.Count,
            disturbances.Count(one => one.LostSteps is not null),
            recoveries.Count > 0 ? recoveries[(recoveries.Count - 1) / 2] : null,
            recoveries.Count > 0 ? recoveries[^1] : null,
            disturbances.Sum(one => one.LostSteps ?? 0)
        );
    }
}

/// <summary>What machines did with their preemption notices.</summary>
/// <param name="ToOwners">Announced to machines that owned a stage.</param>
/// <param name="LostNothing">Of those: the stage went on from its very last step.</param>
/// <param name="Released">Of those: the stage was released before the machine ended.</param>
/// <param name="Acknowledged">Of all announced.</param>
/// <param name="MostLostSteps">By one of them.</param>
public sealed record NoticeReport(int Announced, int ToOwners, int LostNothing, int Released, int Acknowledged, long MostLostSteps)
{
    public static NoticeReport Of(IReadOnlyList<CarriedOut> disturbances)
    {
        var announced = disturbances.Where(one => one.NoticeSeconds is not null).ToList();
        var owners = announced.Where(one => one.LostSteps is not null).ToList();
        return new NoticeReport(
            announced.Count,
            owners.Count,
            owners.Count(one => one.LostSteps == 0),
            owners.Count(one => one.Released == true),
            announced.Count(one => one.Acknowledged == true),
            owners.Select(one => one.LostSteps!.Value).DefaultIfEmpty().Max()
        );
    }
}

/// <summary>A disturbance that took place.</summary>
/// <param name="Phase">As planned; <c>idle</c> where the silo never got to the moment and was disturbed without work.</param>
/// <param name="Stage">What the silo owned; null: nothing, or something finished.</param>
/// <param name="AtSeconds">After the disturbed run's begin.</param>
/// <param name="RecoverySeconds">Until the next training step of that stage on another silo; of the last one, where several were lost at
/// once.</param>
public sealed record CarriedOut(int Number, ChaosMode Mode, string Phase, string? Stage, double AtSeconds, double? RecoverySeconds)
{
    /// <summary>Null where the disturbance took no stage from its owner.</summary>
    public long? LostSteps { get; init; }

    /// <summary>Whether the stage was released before another silo took it.</summary>
    public bool? Released { get; init; }

    /// <summary>From the announcement to the deadline, up to a second more; 0: the event had started. Null where nothing was
    /// announced.</summary>
    public int? NoticeSeconds { get; init; }

    public bool? Acknowledged { get; init; }

    /// <summary>Which machine, counted from 0 in the order in which they were started; null where none was disturbed.</summary>
    public int? Machine { get; init; }

    /// <summary>As a simulation carries it out.</summary>
    internal RecordedLoss ToRecord() =>
        new(
            AtSeconds,
            StageId.TryParse(Stage, out var stage) ? stage : null,
            Mode == ChaosMode.Term ? TermSeconds : NoticeSeconds,
            Mode is ChaosMode.Freeze or ChaosMode.Vanish or ChaosMode.Partition
        )
        {
            Machine = Machine,
        };

    // A silo that is told to stop has the time that it needs.
    private const double TermSeconds = 60;
}
