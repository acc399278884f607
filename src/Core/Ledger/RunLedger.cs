using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Ledger;

/// <summary>
/// Where a run's time went. A chain has one stage at a time that could train, so the accounts of its stages without the waiting for each
/// other add up to the chain's wall-clock time; those of the run are the sums over its chains, in chain-seconds.
/// </summary>
public sealed record RunLedger : ExtensibleRecord
{
    /// <summary>Sums over the stages; <see cref="StageLedger.BeforeSeconds"/> is left out, which is the time of other stages.</summary>
    public required StageLedger Chains { get; init; }

    /// <summary>From the submission to the last chain's end, or to now.</summary>
    public required double WallSeconds { get; init; }

    public required int ChainCount { get; init; }

    /// <summary>Chain-seconds after a chain's end while others went on.</summary>
    public double EndedSeconds => Math.Max(0, (WallSeconds * ChainCount) - Chains.TotalSeconds);

    /// <summary>Stages that lost their machine: a machine that trained two is counted twice, since each has to be restored.</summary>
    public required int Preemptions { get; init; }

    /// <summary>Machines lost while they trained something of the run, each counted once.</summary>
    public int MachinesLost { get; init; }

    public required long LostSteps { get; init; }

    /// <summary>
    /// The time that <see cref="Goodput"/> is a share of, in chain-seconds: a stage was trained, was being brought to train, or had lost
    /// its machine. Time that was held, waited for a free slot, or came after a chain's end does not count.
    /// </summary>
    public double CountedSeconds =>
        Chains.TrainingSeconds + Chains.LostSeconds + Chains.RestoreSeconds + Chains.StallSeconds + Chains.DownSeconds;

    /// <summary>Takes that restored or began a stage.</summary>
    public required long Takes { get; init; }

    /// <summary>Training whose result counts, as a share of <see cref="CountedSeconds"/>. Null: there is no such time yet.</summary>
    public double? Goodput => CountedSeconds is > 0 and var time ? Chains.TrainingSeconds / time : null;

    /// <summary>The optimum to compare the goodput with; null where nothing was lost or no checkpoint was measured.</summary>
    public DalyOptimum? Optimum { get; init; }

    /// <returns>Null where it is not known when the run was submitted.</returns>
    public static RunLedger? Of(RunFacts facts, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.SubmittedAt is not { } submitted)
        {
            return null;
        }

        var stages = facts.Plan.Stages.Select(stage => stage.Id).ToList();
        var ledgers = stages.Select(id => Of(facts, id, now)!).ToList();
        // Stages behind a chain's current one have only waited for earlier stages.
        var sums = ledgers.Aggregate(new StageLedger(), Plus);
        var over = stages.All(id => facts.RootOf(id).Finished);
        var end = over ? ledgers.Max(ledger => ledger.Until ?? submitted) : now;
        var roots = stages.Select(facts.RootOf).ToList();
        var ledger = new RunLedger
        {
            Chains = sums,
            WallSeconds = Math.Max(0, (end - submitted).TotalSeconds),
            ChainCount = stages.Select(id => id.Chain).Distinct().Count(),
            Preemptions = roots.Sum(root => root.Preemptions),
            MachinesLost =
                roots.SelectMany(root => root.LostSilos).Distinct(StringComparer.Ordinal).Count()
                + roots.Sum(root => Math.Max(0, root.Preemptions - root.LostSilos.Count)),
            LostSteps = roots.Sum(root => root.LostSteps),
            Takes = roots.Sum(root => root.EpochToken),
        };
        return ledger with { Optimum = DalyOptimum.Of(ledger, roots.Select(root => root.Current?.Pace).OfType<CheckpointPace>().ToList()) };
    }

    /// <summary>A stage's ledger up to now; null where it is not known when the run was submitted.</summary>
    public static StageLedger? Of(RunFacts facts, StageId id, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var root = facts.RootOf(id);
        var progress = facts.Progress.GetValueOrDefault(id);
        if (root.Finished)
        {
            return root.Ledger;
        }

        if (facts.LivingOwnerOf(id) is not null)
        {
            return progress is { Ledger: { } told } && progress.IsOf(root) && told.Until > root.Ledger.Until ? told : root.Ledger;
        }

        return facts.SubmittedAt is { } submitted ? Unowned(facts, id, submitted).Until(now) : null;
    }

    private static UnownedTime Unowned(RunFacts facts, StageId id, DateTimeOffset submitted)
    {
        var before = id.Before is { } earlier ? facts.RootOf(earlier) : null;
        return new UnownedTime
        {
            Root = facts.RootOf(id),
            Progress = facts.Progress.GetValueOrDefault(id),
            SubmittedAt = submitted,
            BeforeFinishedAt = before is { Finished: true } ? before.Ledger.Until ?? before.WrittenAt : null,
            WaitsForBefore = before is { Finished: false },
            ServedSince = SiloStart.Earliest(facts.AliveSilos),
            IsHeld = facts.Intent.Of(id.ToString()) != DesiredState.Running || facts.FailureOf(id) is not null,
        };
    }

    private static StageLedger Plus(StageLedger sum, StageLedger one) =>
        sum with
        {
            TrainingSeconds = sum.TrainingSeconds + one.TrainingSeconds,
            LostSeconds = sum.LostSeconds + one.LostSeconds,
            RestoreSeconds = sum.RestoreSeconds + one.RestoreSeconds,
            StallSeconds = sum.StallSeconds + one.StallSeconds,
            SlotSeconds = sum.SlotSeconds + one.SlotSeconds,
            DownSeconds = sum.DownSeconds + one.DownSeconds,
            HeldSeconds = sum.HeldSeconds + one.HeldSeconds,
            Checkpoints = sum.Checkpoints + one.Checkpoints,
        };
}
