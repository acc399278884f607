namespace Slowrun.Client.Chaos;

/// <summary>What came of a disturbed run, beside a calm one on the same fleet.</summary>
internal sealed record ChaosReport
{
    public required string Spec { get; init; }

    public required int Seed { get; init; }

    public required int Silos { get; init; }

    public required string CalmRun { get; init; }

    public required string DisturbedRun { get; init; }

    /// <summary>Whether every stage's snapshot has the same bytes as the calm run's, and the ensemble the same score.</summary>
    public required bool Identical { get; init; }

    /// <summary>Stages that differ.</summary>
    public required IReadOnlyList<string> Differing { get; init; }

    public required double CalmSeconds { get; init; }

    public required double DisturbedSeconds { get; init; }

    /// <summary>Calm over disturbed time, both from the first silo's start to the run's end.</summary>
    public double Goodput => CalmSeconds / DisturbedSeconds;

    /// <summary>Optimizer steps that were trained and had to be trained again, as far as their owners had told of them.</summary>
    public required long LostSteps { get; init; }

    public required int Preemptions { get; init; }

    /// <summary>Silos that ended without having been disturbed: each is a defect.</summary>
    public required int UnplannedExits { get; init; }

    /// <summary>Planned; fewer were carried out where the run ended before.</summary>
    public required int Wanted { get; init; }

    public required IReadOnlyList<CarriedOut> Disturbances { get; init; }

    public IReadOnlyDictionary<string, int> ByMode => Counted(one => one.Mode.ToString().ToLowerInvariant());

    public IReadOnlyDictionary<string, int> ByPhase => Counted(one => one.Phase);

    /// <summary>Seconds until the stage trained again, of those whose silo owned one that was not finished.</summary>
    public double? RecoveryP50Seconds => Recoveries is { Count: > 0 } all ? all[(all.Count - 1) / 2] : null;

    public double? RecoveryMaxSeconds => Recoveries is { Count: > 0 } all ? all[^1] : null;

    private List<double> Recoveries => [.. Disturbances.Select(one => one.RecoverySeconds).OfType<double>().Order()];

    private SortedDictionary<string, int> Counted(Func<CarriedOut, string> key) =>
        new(Disturbances.GroupBy(key).ToDictionary(group => group.Key, group => group.Count()), StringComparer.Ordinal);
}

/// <summary>A disturbance that took place.</summary>
/// <param name="Phase">As planned; <c>idle</c> where the silo never got to the moment and was disturbed without work.</param>
/// <param name="Stage">What the silo owned; null: nothing, or something finished.</param>
/// <param name="AtSeconds">After the disturbed run's begin.</param>
/// <param name="RecoverySeconds">Until the next training step of that stage on another silo.</param>
internal sealed record CarriedOut(int Number, ChaosMode Mode, string Phase, string? Stage, double AtSeconds, double? RecoverySeconds);
