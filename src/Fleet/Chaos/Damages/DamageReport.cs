namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>A damage, for people and programs.</summary>
/// <param name="Objects">Two where they were swapped.</param>
/// <param name="Seconds">Until the outcome.</param>
/// <param name="Told">The system's message about it; null: none.</param>
public sealed record DamageReport(
    int Number,
    DamageForm Form,
    string Kind,
    IReadOnlyList<string> Objects,
    double AtSeconds,
    DamageOutcome Outcome,
    double? Seconds,
    string? Told
)
{
    internal static DamageReport Of(Damage damage) =>
        new(
            damage.Number,
            damage.Form,
            damage.Kind,
            [.. damage.Objects.Select(one => one.Name)],
            damage.AtSeconds,
            damage.Outcome,
            damage.Seconds,
            damage.Told
        );
}

/// <summary>The outcomes of the damages of one kind of object.</summary>
public sealed record DamagedKindReport(int Count, int Healed, int Refused, int Unread, int Hangs, double? LongestSeconds)
{
    public static DamagedKindReport Of(IReadOnlyList<DamageReport> damages)
    {
        int Times(DamageOutcome outcome) => damages.Count(one => one.Outcome == outcome);
        return new DamagedKindReport(
            damages.Count,
            Times(DamageOutcome.Healed),
            Times(DamageOutcome.Refused),
            Times(DamageOutcome.Unread),
            Times(DamageOutcome.Hang),
            damages.Where(one => one.Outcome is DamageOutcome.Healed or DamageOutcome.Refused).Max(one => one.Seconds)
        );
    }
}
