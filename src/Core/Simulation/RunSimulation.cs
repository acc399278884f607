using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Randomness;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Simulation;

/// <summary>
/// Carries a run out on modelled machines, event by event. What is ready, who takes what with how many slots, whether a stage may be taken,
/// when checkpoints are due, what an evicted owner still does and when an idle machine ends is decided by the code that silos ask. What
/// happens at random is a function of (seed, replication, machine).
/// </summary>
public sealed class RunSimulation
{
    // A clock of whole ticks may show a time a little short of the limit.
    private const double Rounding = 0.001;

    private readonly PriorityQueue<Action, (double At, long Order)> events = new();
    private readonly List<SimulatedMachine> machines = [];
    private readonly HashSet<string> underWay = new(StringComparer.Ordinal);
    private readonly SimulatedTime time = new();
    private readonly RunPlan plan;
    private readonly IReadOnlyDictionary<StageId, StageModel> models;
    private readonly FleetModel fleet;
    private readonly SimulatedStages stages;
    private readonly long seed;
    private long order;
    private int ordered;
    private int lost;
    private double billed;
    private double? finishedAt;
    private bool lookIsDue;

    private RunSimulation(
        RunSpec spec,
        RunPlan plan,
        IReadOnlyDictionary<StageId, StageModel> models,
        FleetModel fleet,
        int seed,
        int replication
    )
    {
        (this.plan, this.models, this.fleet) = (plan, models, fleet);
        this.seed = Seeds.Derive(seed, "plan replication", replication);
        stages = new SimulatedStages(spec, plan, models, fleet);
    }

    /// <param name="models">Of every stage of <paramref name="plan"/>.</param>
    public static SimulatedRun Run(
        RunSpec spec,
        RunPlan plan,
        IReadOnlyDictionary<StageId, StageModel> models,
        FleetModel fleet,
        int seed,
        int replication
    )
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(fleet);
        return new RunSimulation(spec, plan, models, fleet, seed, replication).Run();
    }

    private SimulatedRun Run()
    {
        for (var i = 0; i < fleet.Machines; i++)
        {
            Order();
        }

        foreach (var loss in fleet.Losses)
        {
            At(loss.AtSeconds, () => Lose(loss));
        }

        var handled = 0L;
        while (events.TryDequeue(out var happens, out var due) && due.At <= fleet.HorizonSeconds)
        {
            time.Seconds = due.At;
            happens();
            handled++;
            // Machines that end themselves are paid until they have.
            if (finishedAt is not null && (fleet.ExitWhenIdle is null || machines.Count == 0))
            {
                break;
            }
        }

        machines.ToList().ForEach(machine => Bill(machine, time.Seconds));
        return new SimulatedRun(
            finishedAt,
            billed / 3600 * fleet.PricePerHour,
            billed / 3600,
            RunLedger.Of(stages.Facts, SimulatedTime.At(finishedAt ?? time.Seconds))!,
            lost,
            handled,
            stages.StoreUntil(finishedAt ?? time.Seconds)
        );
    }

    private double Now => time.Seconds;

    private void At(double seconds, Action happens) => events.Enqueue(happens, (seconds, order++));

    private void Order()
    {
        var machine = new SimulatedMachine(ordered++, fleet.Slots, Now, new IdleClock(fleet.ExitWhenIdle, time));
        machines.Add(machine);
        At(
            Now + fleet.BootSeconds,
            () =>
            {
                if (!machine.IsGone && !machine.Leaves)
                {
                    machine.ServesSince = Now;
                    machine.Free.AddRange(machine.Slots);
                    stages.Alive.Add(machine.Name);
                    Poke();
                }
            }
        );
        if (fleet.Losses.Count == 0 && fleet.EvictionsPerHour > 0)
        {
            var number = ordered;
            var life = -Math.Log(1 - Uniform("plan life", number)) * 3600 / fleet.EvictionsPerHour;
            var announced = Uniform("plan notice", number) < fleet.NoticeShare && fleet.NoticeSeconds > 0;
            At(Now + life, () => Lose(machine, announced ? fleet.NoticeSeconds : null));
        }
    }

    private double Uniform(string what, int number) => Seeds.Derive(seed, what, number) / (double)long.MaxValue * (1 - 1e-12);

    private void Lose(PlannedLoss planned)
    {
        var there = machines.Where(machine => machine.Takes).ToList();
        var victim =
            there.Find(machine =>
                planned.Stage is { } stage && machine.Work.Exists(work => work.What.Stage == stage && work.Span is not null)
            )
            ?? machines.Find(machine => machine.Number == planned.Machine && !machine.Leaves && machine.Work.Count == 0)
            ?? there.Find(machine => machine.Work.Count == 0)
            ?? there.FirstOrDefault();
        if (victim is not null)
        {
            Lose(victim, planned.NoticeSeconds, planned.DetectionSeconds);
        }
    }

    private void Lose(SimulatedMachine machine, double? notice, double? detection = null)
    {
        if (machine.IsGone || machine.Leaves)
        {
            return;
        }

        lost++;
        At(Now + fleet.ReplacedAfterSeconds, Order);
        var owned = machine.Work.ToList();
        machine.Leaves = true;
        machine.Free.Clear();
        machine.Work.Clear();
        if (notice is not { } seconds)
        {
            Vanish(machine, owned, detection ?? fleet.DetectionSeconds);
            return;
        }

        var released = Now;
        foreach (var work in owned)
        {
            work.IsOver = true;
            if (work.Span is { } span)
            {
                var at = stages.Leave(work.What.Stage!.Value, span, work.Since, Now, seconds);
                released = Math.Max(released, at);
                At(at, () => Release(work));
            }
            else
            {
                Release(work);
            }
        }

        At(Now + seconds, () => Gone(machine));
        // Out of the cluster, since its stages are released.
        At(released, () => stages.Alive.Remove(machine.Name));
    }

    private void Vanish(SimulatedMachine machine, List<SimulatedWork> owned, double detection)
    {
        foreach (var work in owned)
        {
            work.IsOver = true;
            if (work.Span is { } span)
            {
                stages.Lose(work.What.Stage!.Value, span, work.Since, Now);
            }
        }

        Gone(machine);
        At(
            Now + detection,
            () =>
            {
                stages.Alive.Remove(machine.Name);
                foreach (var work in owned)
                {
                    underWay.Remove(work.What.Name);
                    if (work.Span is not null)
                    {
                        stages.SeenDead(work.What.Stage!.Value, Now);
                    }
                }

                Poke();
            }
        );
    }

    private void Release(SimulatedWork work)
    {
        underWay.Remove(work.What.Name);
        Poke();
    }

    private void Gone(SimulatedMachine machine)
    {
        machine.IsGone = true;
        machines.Remove(machine);
        Bill(machine, Now);
    }

    private void Bill(SimulatedMachine machine, double until) => billed += until - machine.OrderedAt;

    /// <summary>A look that is due already sees the same.</summary>
    private void Poke()
    {
        if (!lookIsDue)
        {
            lookIsDue = true;
            At(Now + fleet.TakeSeconds, Look);
        }
    }

    private void Look()
    {
        lookIsDue = false;
        var work = WorkOrder.Of([stages.Facts], (_, one) => !underWay.Contains(one.Name)).ToList();
        foreach (var machine in machines.Where(machine => machine.Takes && machine.Free.Count > 0))
        {
            Hand(machine, work);
            if (work.Count == 0)
            {
                break;
            }
        }

        EndIdle(ready: work.Count > 0);
    }

    /// <summary>A machine takes what it can of the work, and that is taken off the list.</summary>
    private void Hand(SimulatedMachine machine, List<ReadyWork> work)
    {
        var room = fleet.StagesPerMachine - machine.Work.Count(one => one.Span is not null);
        var most = room > 0 ? Math.Min(room.Value, machine.Free.Count) : machine.Free.Count;
        var handed = room == 0 ? work.Where(one => one.Kind != WorkKind.Train).Take(most).ToList() : work.Take(most).ToList();
        foreach (var (i, one) in handed.Index())
        {
            var left = one.Kind == WorkKind.Train ? room - i : null;
            Start(machine, one, SlotShares.Next(machine.Free, work.Count - i, one.Lanes, left));
        }

        work.RemoveAll(handed.Contains);
    }

    private void Start(SimulatedMachine machine, ReadyWork what, IReadOnlyList<string> share)
    {
        if (share.Count == 0)
        {
            return;
        }

        var servedSince = machines.Where(one => one.ServesSince is not null).Min(one => one.ServesSince!.Value);
        var span = what.Kind == WorkKind.Train ? stages.Take(what.Stage!.Value, machine, share, Now, servedSince) : null;
        if (what.Kind == WorkKind.Train && span is null)
        {
            return;
        }

        var members = what.Kind == WorkKind.Average ? Readiness.EnsembleDue(stages.Facts) : null;
        var work = new SimulatedWork(what, share, Now, span);
        machine.Work.Add(work);
        machine.Free.RemoveAll(share.Contains);
        underWay.Add(what.Name);
        var takes = span?.EndsAt ?? (members is null ? models[what.Stage!.Value].ScoreSeconds : fleet.AverageSeconds);
        At(Now + takes, () => End(machine, work, members));
    }

    private void End(SimulatedMachine machine, SimulatedWork work, IReadOnlyList<StageId>? members)
    {
        if (work.IsOver)
        {
            return;
        }

        if (work.Span is { } span)
        {
            stages.Finish(work.What.Stage!.Value, span, work.Since, Now);
        }
        else if (members is not null)
        {
            stages.Average(members);
        }
        else
        {
            stages.Score(work.What.Stage!.Value);
        }

        if (finishedAt is null && work.Span is null && Readiness.IsOver(Readiness.StateOf(stages.Facts)))
        {
            finishedAt = Now;
        }

        machine.Work.Remove(work);
        machine.Free.AddRange(work.Slots);
        Release(work);
    }

    private void EndIdle(bool ready)
    {
        if (fleet.ExitWhenIdle is not { } limit)
        {
            return;
        }

        foreach (var machine in machines.Where(machine => machine.Takes).ToList())
        {
            var busy = ready || machine.Work.Count > 0;
            if (machine.Idle.Looked(busy) is not null)
            {
                stages.Alive.Remove(machine.Name);
                Gone(machine);
            }
            else if (busy)
            {
                machine.IsIdle = false;
            }
            else if (!machine.IsIdle)
            {
                machine.IsIdle = true;
                At(Now + limit.TotalSeconds + Rounding, Look);
            }
        }
    }
}
