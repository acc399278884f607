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
        var halved = Interval(on).UsedSeconds / 2;
        var all = new List<(string Name, PlannedFleet On, RunSpec Spec)> { (otherMarket.Name, otherMarket, spec) };
        if (fleet.Machines > 1)
        {
            all.Add((Machines(fleet.Machines / 2), on.Of(fleet.Machines / 2), spec));
        }

        all.Add((Machines(fleet.Machines * 2), on.Of(fleet.Machines * 2), spec));
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

        return [.. all.Select(one => new PlanAlternative(one.Name, Compared(one.On, one.Spec)))];

        static string Machines(int count) => Human.Plural(count, "machine");
    }

    /// <summary>Machines of several devices divide the chains among them: otherwise the first one takes all.</summary>
    private PlannedFleet Shared(PlannedFleet on) =>
        on.Fleet is { StagesPerMachine: null, Slots: > 1, Machines: > 1 and var machines }
            ? on with
            {
                Fleet = on.Fleet with { StagesPerMachine = (explained.ParallelStages + machines - 1) / machines },
            }
            : on;

    /// <summary>What other numbers of these machines take: 1, 2, 3, 4, 6, … up to one a chain.</summary>
    /// <param name="each">Called after each.</param>
    public IReadOnlyList<PlannedOutcome> Fleets(IReadOnlyList<PlannedFleet> markets, Action<int, int>? each = null)
    {
        ArgumentNullException.ThrowIfNull(markets);
        var all = markets.SelectMany(market => Counts().Select(count => Shared(market.Of(count)))).ToList();
        var outcomes = new List<PlannedOutcome>();
        foreach (var on in all)
        {
            outcomes.Add(new PlannedOutcome(on.Size, on.Fleet.Machines, on.Fleet.StagesPerMachine, on.OnDemand, Compared(on, spec)));
            each?.Invoke(outcomes.Count, all.Count);
        }

        return outcomes;
    }

    /// <summary>The fleet of which nine in ten replications finish in time, and that costs least; null: none of these does.</summary>
    public static PlannedOutcome? Cheapest(IEnumerable<PlannedOutcome> fleets, double deadlineSeconds) =>
        fleets
            .Where(one => one.Outcome.FinishSeconds.P90 <= deadlineSeconds)
            .OrderBy(one => one.Outcome.Cost.P50)
            .ThenBy(one => one.Machines)
            .FirstOrDefault();

    /// <summary>Those that no other one beats in both, fastest first.</summary>
    public static IReadOnlyList<PlannedOutcome> Best(IReadOnlyList<PlannedOutcome> fleets)
    {
        ArgumentNullException.ThrowIfNull(fleets);
        var best = new List<PlannedOutcome>();
        foreach (
            var one in fleets
                .Where(one => one.Outcome.FinishSeconds.P50 is not null)
                .OrderBy(one => one.Outcome.FinishSeconds.P50)
                .ThenBy(one => one.Outcome.Cost.P50)
        )
        {
            if (best.Count == 0 || one.Outcome.Cost.P50 < best[^1].Outcome.Cost.P50)
            {
                best.Add(one);
            }
        }

        return best;
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

    private PlanOutcome Compared(PlannedFleet on, RunSpec of) =>
        Outcome(on, of, on.Fleet.IsChancy ? Math.Max(FewestReplications, replications / ComparedShare) : 1);

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
/// <param name="Size">Of each machine.</param>
/// <param name="FlopsPerSecond">Of one slot.</param>
/// <param name="OnDemand">Whether its machines are never evicted, at the list price.</param>
public sealed record PlannedFleet(string Size, FleetModel Fleet, double FlopsPerSecond, bool OnDemand)
{
    public string Name => NameOf(Fleet.Machines, Size, Fleet.StagesPerMachine, OnDemand);

    /// <param name="stages">Of each machine at a time; null: as many as it has slots.</param>
    public static string NameOf(int machines, string size, int? stages, bool onDemand) =>
        $"{Human.Plural(machines, "machine")} {size}{(stages is { } most ? $" (silo --stages {most})" : "")}, {(onDemand ? "on-demand" : "spot")}";

    /// <summary>So many of them.</summary>
    public PlannedFleet Of(int machines) => this with { Fleet = Fleet with { Machines = machines } };

    internal IReadOnlyDictionary<StageId, StageModel> Stages(RunPlan plan, RunExplanation explained) =>
        StageModels.Of(plan, explained, FlopsPerSecond);
}

/// <summary>What a fleet takes.</summary>
public sealed record PlannedOutcome(string Size, int Machines, int? StagesPerMachine, bool OnDemand, PlanOutcome Outcome);

/// <param name="Name">What is different.</param>
public sealed record PlanAlternative(string Name, PlanOutcome Outcome);

/// <param name="UsedSeconds">What the spec's operations come to.</param>
/// <param name="BestSeconds">By Daly's model, without notices; null: nothing is lost.</param>
/// <param name="BestShare">Of the time that then counts.</param>
/// <param name="CostSeconds">Training that one checkpoint takes away.</param>
public sealed record PlannedInterval(double UsedSeconds, double? BestSeconds, double? BestShare, double CostSeconds);
