namespace Slowrun.Core.Plan;

/// <summary>
/// Which work is ready, and in which order. Used by everything that hands out slots: the slot loop of a silo, a test's run in one process,
/// a simulated fleet.
/// </summary>
public static class WorkOrder
{
    /// <summary>
    /// Runs by priority, then by name. Within a run judging comes first: it takes a thousandth of a stage's time, shows the result, and
    /// does not split the slots that the next stage needs. Stages follow as <see cref="Readiness.ToTrain"/> has them.
    /// </summary>
    /// <param name="runs">All runs that are known, in any order.</param>
    /// <param name="fits">Whether the silo that asks can do it, and may now; null: it can do everything.</param>
    public static IReadOnlyList<ReadyWork> Of(IEnumerable<RunFacts> runs, Func<RunFacts, ReadyWork, bool>? fits = null)
    {
        ArgumentNullException.ThrowIfNull(runs);
        return
        [
            .. runs.OrderByDescending(run => run.Spec.Operations.Priority)
                .ThenBy(run => run.Spec.Name, StringComparer.Ordinal)
                .SelectMany(run => OfOne(run).Where(work => fits is null || fits(run, work))),
        ];
    }

    private static IEnumerable<ReadyWork> OfOne(RunFacts facts)
    {
        var run = facts.Spec.Name;
        foreach (var id in Readiness.ToScore(facts))
        {
            yield return new ReadyWork(WorkKind.Score, run, id);
        }

        if (Readiness.EnsembleDue(facts) is not null)
        {
            yield return new ReadyWork(WorkKind.Average, run, null);
        }

        foreach (var id in Readiness.ToTrain(facts))
        {
            yield return new ReadyWork(WorkKind.Train, run, id)
            {
                Lanes = facts.Plan[id].Stage.Lanes,
                EpochToken = facts.RootOf(id).EpochToken,
            };
        }
    }
}
