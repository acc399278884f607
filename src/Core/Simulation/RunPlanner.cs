using Slowrun.Core.Explain;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Simulation;

/// <summary>Answers what a run will take, by simulating it again and again.</summary>
/// <param name="seed">Of all that happens at random: the same one gives the same answer.</param>
public sealed class RunPlanner(RunSpec spec, RunExplanation explained, int replications, int seed, CancellationToken stop)
{
    // What is compared with the plan is told less exactly.
    private const int FewestReplications = 3;
    private const int ComparedShare = 4;

    // A machine that is evicted more rarely is never evicted, for a plan.
    private const double LongestHours = 1e6;

    private readonly RunPlan plan = new(spec.Recipe);

    public PlanOutcome Outcome(PlannedFleet on) => Outcome(on, spec, replications);

    /// <summary>The same plan with one thing changed.</summary>
    public IReadOnlyList<PlanAlternative> Alternatives(PlannedFleet on, PlannedFleet otherMarket)
    {
        ArgumentNullException.ThrowIfNull(on);
        ArgumentNullException.ThrowIfNull(otherMarket);
        var fleet = on.Fleet;
        var few = Math.Max(FewestReplications, replications / ComparedShare);
        var halved = Interval(on).UsedSeconds / 2;
        var all = new List<(string Name, PlannedFleet On, RunSpec Spec)> { (otherMarket.Name, otherMarket, spec) };
        if (fleet.Machines > 1)
        {
            all.Add((Machines(fleet.Machines / 2), on with { Fleet = fleet with { Machines = fleet.Machines / 2 } }, spec));
        }

        all.Add((Machines(fleet.Machines * 2), on with { Fleet = fleet with { Machines = fleet.Machines * 2 } }, spec));
        all.Add(
            (
                $"a checkpoint every {Human.Time(Math.Max(1, halved))}: half the interval",
                on,
                spec with
                {
                    Operations = spec.Operations with
                    {
                        CheckpointEverySteps = null,
                        CheckpointAtLeastEvery = TimeSpan.FromSeconds(halved),
                        CheckpointAtMostEvery = TimeSpan.FromSeconds(halved),
                    },
                }
            )
        );
        if (fleet.EvictionsPerHour > 0)
        {
            all.Add(("twice as many evictions", on with { Fleet = fleet with { EvictionsPerHour = 2 * fleet.EvictionsPerHour } }, spec));
            all.Add(("no eviction announced", on with { Fleet = fleet with { NoticeShare = 0 } }, spec));
        }

        return [.. all.Select(one => new PlanAlternative(one.Name, Outcome(one.On, one.Spec, few)))];

        static string Machines(int count) => Human.Plural(count, "machine");
    }

    /// <summary>The fleet of which nine in ten replications finish in time, and that costs least; null: none of these does.</summary>
    public (PlannedFleet Fleet, PlanOutcome Outcome)? Cheapest(IEnumerable<PlannedFleet> markets, double deadlineSeconds)
    {
        ArgumentNullException.ThrowIfNull(markets);
        var few = Math.Max(FewestReplications, replications / ComparedShare);
        return markets
            .SelectMany(market => Counts().Select(count => market with { Fleet = market.Fleet with { Machines = count } }))
            .Select(on => (Fleet: on, Outcome: Outcome(on, spec, few)))
            .Where(one => one.Outcome.FinishSeconds.P90 <= deadlineSeconds)
            .OrderBy(one => one.Outcome.Cost.P50)
            .ThenBy(one => one.Fleet.Fleet.Machines)
            .Select(one => ((PlannedFleet, PlanOutcome)?)one)
            .FirstOrDefault();
    }

    /// <summary>How often the stage of the largest checkpoint would be made durable, and how often is best.</summary>
    public PlannedInterval Interval(PlannedFleet on)
    {
        ArgumentNullException.ThrowIfNull(on);
        var fleet = on.Fleet;
        var stage = on.Stages(plan, explained).Values.MaxBy(one => one.CheckpointBytes)!;
        var cost = CheckpointPacing.Cost(
            TimeSpan.FromSeconds(fleet.StallSeconds),
            TimeSpan.FromSeconds(fleet.BehindSeconds(stage.CheckpointBytes)),
            fleet.Processors
        );
        TimeSpan? between = fleet.EvictionsPerHour > 0 ? TimeSpan.FromHours(Math.Min(LongestHours, 1 / fleet.EvictionsPerHour)) : null;
        var used = spec.Operations.CheckpointEverySteps is { } every
            ? every * stage.StepSeconds / fleet.SpeedOf(1)
            : CheckpointPacing.Interval(spec.Operations, cost, between).TotalSeconds;
        var after =
            fleet.DetectionSeconds + fleet.TakeSeconds + fleet.RestoreSeconds + (stage.CheckpointBytes / fleet.DownloadBytesPerSecond);
        var best = between is { } mean
            ? DalyOptimum.Best(mean.TotalSeconds, Math.Max(1e-3, cost.TotalSeconds), after)
            : ((double, double)?)null;
        return new PlannedInterval(used, best?.Item1, best?.Item2, cost.TotalSeconds);
    }

    private PlanOutcome Outcome(PlannedFleet on, RunSpec of, int times)
    {
        var stages = on.Stages(plan, explained);
        var runs = new List<SimulatedRun>();
        for (var replication = 0; replication < times; replication++)
        {
            stop.ThrowIfCancellationRequested();
            runs.Add(RunSimulation.Run(of, plan, stages, on.Fleet, seed, replication));
        }

        return PlanOutcome.Of(runs);
    }

    /// <summary>More machines than chains have nothing to do.</summary>
    private IEnumerable<int> Counts()
    {
        var most = Math.Max(1, explained.ParallelStages);
        for (var count = 1; count < most; count = Math.Max(count + 1, count * 3 / 2))
        {
            yield return count;
        }

        yield return most;
    }
}

/// <summary>Machines of one kind, at one price.</summary>
/// <param name="FlopsPerSecond">Of one slot.</param>
/// <param name="OnDemand">Whether its machines are never evicted, at the list price.</param>
public sealed record PlannedFleet(string Name, FleetModel Fleet, double FlopsPerSecond, bool OnDemand)
{
    internal IReadOnlyDictionary<StageId, StageModel> Stages(RunPlan plan, RunExplanation explained) =>
        StageModels.Of(plan, explained, FlopsPerSecond);
}

/// <param name="Name">What is different.</param>
public sealed record PlanAlternative(string Name, PlanOutcome Outcome);

/// <param name="UsedSeconds">What the spec's operations come to.</param>
/// <param name="BestSeconds">By Daly's model, without notices; null: nothing is lost.</param>
/// <param name="BestShare">Of the time that then counts.</param>
/// <param name="CostSeconds">Training that one checkpoint takes away.</param>
public sealed record PlannedInterval(double UsedSeconds, double? BestSeconds, double? BestShare, double CostSeconds);
