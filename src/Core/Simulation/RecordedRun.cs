using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Simulation;

/// <summary>What <c>slowrun chaos</c> recorded of a run and of the machines that it was carried out on, calmly and disturbed: what a
/// simulation is held against.</summary>
public sealed record RecordedRun : ExtensibleRecord
{
    /// <summary>As it was carried out, with the data that it had.</summary>
    public required RunSpec Spec { get; init; }

    /// <summary>Of one slot each; each that is lost is replaced at once.</summary>
    public required int Machines { get; init; }

    /// <summary>From the start of the calm run's machines to its first take.</summary>
    public required double BootSeconds { get; init; }

    /// <summary>What the calm run's ledger says.</summary>
    public required MeasuredRun Calm { get; init; }

    /// <summary>From the start of its machines to the calm run's end.</summary>
    public required double CalmSeconds { get; init; }

    /// <summary>
    /// What the disturbed run's own ledger says. Its machines shared the processors of one computer with those that were starting in the
    /// place of lost ones, which those of the calm run did not. Null: not recorded; the calm run's hold.
    /// </summary>
    public MeasuredRun? Disturbed { get; init; }

    /// <summary>From the start of the disturbed run's machines to its first take; null: not recorded, as in the calm run.</summary>
    public double? DisturbedBootSeconds { get; init; }

    /// <summary>From a loss without a word of a stage's owner until others knew of it, the mean by the disturbed run's ledger. Null: there
    /// was none, or it was not recorded.</summary>
    public double? DetectionSeconds { get; init; }

    public required IReadOnlyList<RecordedLoss> Losses { get; init; }

    /// <summary>From the start of its machines to the disturbed run's end.</summary>
    public required double FinishedSeconds { get; init; }

    /// <summary>Of the disturbed run, by its ledger.</summary>
    public required double Goodput { get; init; }

    public bool Equals(RecordedRun? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>A machine that was lost.</summary>
/// <param name="AtSeconds">After the start of the disturbed run's machines.</param>
/// <param name="Stage">What it trained; null: nothing.</param>
/// <param name="NoticeSeconds">Null: it came without a word.</param>
/// <param name="IsSilent">Whether its connections stayed open, or were answered by nobody, so that others had to wait for a sign.</param>
public sealed record RecordedLoss(double AtSeconds, StageId? Stage, double? NoticeSeconds, bool IsSilent)
{
    /// <summary>Which machine, counted from 0 in the order in which they were started; null: not recorded.</summary>
    public int? Machine { get; init; }

    /// <summary>A stage's owner was gone, and others had to find out.</summary>
    internal bool IsUnannouncedOfOwner => Stage is not null && NoticeSeconds is null;

    /// <summary>The mean time for which such losses went unseen.</summary>
    /// <param name="downSeconds">Of all of them together, by the run's ledger.</param>
    /// <returns>Null: there was none.</returns>
    public static double? Detection(IReadOnlyList<RecordedLoss> losses, double downSeconds) =>
        losses.Count(loss => loss.IsUnannouncedOfOwner) is > 0 and var count ? downSeconds / count : null;
}
