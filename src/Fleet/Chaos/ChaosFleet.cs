using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos.Plans;
using Slowrun.Fleet.Chaos.Platform;
using Slowrun.Fleet.Silos;
using Slowrun.Storage;

namespace Slowrun.Fleet.Chaos;

/// <summary>
/// A fleet of machines in which planned disturbances take place; each machine that is lost is replaced at once by another one, as a spot
/// fleet does. The machines are processes of this computer that do not know of each other's processes; this process plays their network and
/// metadata service.
/// </summary>
internal sealed class ChaosFleet : IAsyncDisposable
{
    // A silo that finds no work for so long is disturbed without work.
    private static readonly TimeSpan IdleFor = TimeSpan.FromSeconds(8);

    // Frozen or cut off for longer than its cluster needs to declare it dead.
    private static readonly TimeSpan CutOffFor = TimeSpan.FromSeconds(15);

    // A silo that was declared dead learns it within a refresh of the membership, 5 s; one that was not is a machine too many.
    private static readonly TimeSpan AwakeFor = TimeSpan.FromSeconds(10);

    // Once an event has started, the machine may end at any moment.
    private static readonly TimeSpan StartedFor = TimeSpan.FromSeconds(0.5);

    // A silo that was declared dead learns it within a refresh of the membership; another refresh passes while the two sides settle who
    // lives.
    private static readonly TimeSpan PartedFor = TimeSpan.FromSeconds(20);

    // Orleans' message when a silo was declared dead.
    private const string GivenUp = "I have been told I am dead";

    // Each is a defect; with so many the fleet does not work at all.
    private const int MostUnplannedExits = 20;

    // Some tens of kilobytes each: all logs of a fleet of usual size, so that every defect can be examined.
    private const int MostLogs = 1000;

    private readonly SiloProgram program;
    private readonly IObjectStore store;
    private readonly Func<CancellationToken, Task<RunFacts>> read;
    private readonly Queue<Disturbance> plan;
    private readonly Queue<Disturbance> timed;
    private readonly TimeProvider time;
    private readonly Action<string> tell;
    private readonly string? cache;
    private readonly long begunAt;
    private readonly int keptLogs;
    private readonly RelayNetwork network = new();
    private readonly SiloReaper reaper;
    private readonly MetadataServer? metadata;
    private readonly Losses losses = new();
    private readonly LostActivations activations = new();
    private readonly List<ChaosMachine> fleet = [];
    private readonly List<(ChaosMachine Machine, int Number, long At)> cutOff = [];
    private readonly List<(ChaosMachine Machine, int Number, string Event, DateTimeOffset Until)> noticed = [];
    private readonly List<(ChaosMachine Machine, long At)> awake = [];
    private readonly List<ChaosMachine> gone = [];
    private readonly List<CarriedOut> carriedOut = [];
    private int started;
    private long? partedAt;

    /// <param name="read">The run's facts now.</param>
    /// <param name="plan">The disturbances of machines.</param>
    /// <param name="cache">Of all machines; null: this user's.</param>
    public ChaosFleet(
        SiloProgram program,
        IObjectStore store,
        Func<CancellationToken, Task<RunFacts>> read,
        int silos,
        IReadOnlyList<Disturbance> plan,
        string? cache,
        TimeProvider time,
        Action<string> tell
    )
    {
        (this.program, this.store, this.read, this.cache, this.time, this.tell) = (program, store, read, cache, time, tell);
        this.plan = new Queue<Disturbance>(plan.Where(one => one.AtSeconds is null));
        timed = new Queue<Disturbance>(plan.Where(one => one.AtSeconds is not null));
        reaper = new SiloReaper(store.Address);
        metadata = plan.Any(one => one.Mode == ChaosMode.Notice) ? new MetadataServer() : null;
        keptLogs = Math.Min(SiloLogs.Kept + (2 * (silos + plan.Count)), MostLogs);
        begunAt = time.GetTimestamp();
        for (var i = 0; i < silos; i++)
        {
            Start();
        }
    }

    /// <summary>What took place so far.</summary>
    public IReadOnlyList<CarriedOut> CarriedOut => [.. carriedOut.Select(losses.Of)];

    /// <summary>Unplanned ends of silos: each is a defect.</summary>
    public int UnplannedExits { get; private set; }

    /// <summary>Undisturbed silos that the other side of a partition declared dead: they end, and are replaced.</summary>
    public int VotedOut { get; private set; }

    /// <summary>Stages that lost their grain's activation while they trained, on silos that have ended.</summary>
    public int LostActivations => activations.Count;

    public TimeSpan Age => time.GetElapsedTime(begunAt);

    private IEnumerable<ChaosMachine> Everybody =>
        fleet
            .Concat(cutOff.Select(one => one.Machine))
            .Concat(noticed.Select(one => one.Machine))
            .Concat(awake.Select(one => one.Machine))
            .Concat(gone);

    /// <summary>Looks once at every machine, and does what is due.</summary>
    /// <param name="facts">The run's, read a moment ago.</param>
    /// <exception cref="NotPossibleException">Silos end again and again without a disturbance.</exception>
    public async Task LookAsync(RunFacts facts, CancellationToken stop)
    {
        foreach (var machine in fleet.ToList())
        {
            if (!fleet.Contains(machine))
            {
                // Lost together with one before it.
            }
            else if (machine.StandsStill)
            {
                await DisturbAsync(machine, machine.Disturbance!, machine.Disturbance!.Phase, stop);
            }
            else if (machine.HasExited)
            {
                ReplaceDead(machine);
            }
            else if (machine.Disturbance is { Point: null } early && machine.Age(time).TotalMilliseconds >= early.Count)
            {
                machine.Freeze();
            }
            else if (machine.Disturbance is { } planned && machine.ServesFor(time) > IdleFor && !Owned(facts, machine).Any())
            {
                machine.Freeze();
                await DisturbAsync(machine, planned, "idle", stop);
            }
        }

        while (timed.TryPeek(out var due) && Age.TotalSeconds >= due.AtSeconds)
        {
            var victim = fleet[due.Victim % fleet.Count];
            victim.Freeze();
            await DisturbAsync(victim, timed.Dequeue(), due.Phase, stop);
        }

        losses.Follow(facts);
        TakeAwayTheNoticed();
        RejoinTheCutOff(facts);
        Forget();
    }

    /// <summary>Lets every silo commit and stop; frozen ones are killed.</summary>
    public async Task StopAsync()
    {
        var stopped = await Task.WhenAll(
            Everybody.Select(async machine => (machine.Name, machine.Log, InTime: await machine.StopAsync(time)))
        );
        Everybody.ToList().ForEach(machine => activations.Read(machine.Log));
        foreach (var (name, log, _) in stopped.Where(one => !one.InTime))
        {
            UnplannedExits++;
            tell($"{name} did not stop when the run was over, and was killed; its log is '{SiloLogs.Keep(log)}'.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Everybody.ToList().ForEach(machine => machine.Dispose());
        await reaper.DisposeAsync();
        network.Dispose();
        if (metadata is not null)
        {
            await metadata.DisposeAsync();
        }
    }

    private async Task DisturbAsync(ChaosMachine machine, Disturbance planned, string phase, CancellationToken stop)
    {
        var at = time.GetUtcNow();
        // Read again: it may have taken a stage since the last look, and is frozen now.
        var facts = await read(stop);
        var all = planned.Mode == ChaosMode.Cluster ? fleet.ToList() : [machine];
        var owned = Owned(facts, machine).Select(one => one.Id.ToString()).FirstOrDefault();
        foreach (var (id, root) in all.SelectMany(one => Owned(facts, one)))
        {
            losses.Add(planned.Number, id, root, at);
        }

        carriedOut.Add(
            new CarriedOut(planned.Number, planned.Mode, phase, owned, Math.Round(Age.TotalSeconds, 3), null)
            {
                NoticeSeconds = planned.Mode == ChaosMode.Notice ? planned.NoticeSeconds : null,
                Machine = machine.Number,
            }
        );
        tell(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{planned.Number}: {planned.Mode.ToString().ToLowerInvariant()} at {phase}: {machine.Name}, which "
                    + $"{(owned is null ? "owns nothing" : $"trains {owned}")}"
            )
        );
        fleet.RemoveAll(all.Contains);
        switch (planned.Mode)
        {
            case ChaosMode.Kill:
                machine.Kill();
                gone.Add(machine);
                break;
            case ChaosMode.Term:
                machine.Terminate();
                gone.Add(machine);
                break;
            case ChaosMode.Freeze:
                await network.IsolateAsync(machine.Link);
                await machine.LetGoOfStoreAsync(time, stop);
                cutOff.Add((machine, planned.Number, time.GetTimestamp()));
                break;
            case ChaosMode.Partition:
                await network.IsolateAsync(machine.Link);
                partedAt = time.GetTimestamp();
                cutOff.Add((machine, planned.Number, partedAt.Value));
                machine.Thaw();
                break;
            case ChaosMode.Vanish:
                // The network first: no other machine may see the process's end.
                await network.IsolateAsync(machine.Link);
                machine.Dispose();
                break;
            case ChaosMode.Notice:
                Announce(machine, planned);
                break;
            case ChaosMode.Cluster:
                LoseAll(all, machine);
                break;
            default:
                throw new InvalidOperationException($"There is no mode {planned.Mode}.");
        }

        all.ForEach(_ => Start());
    }

    private void Announce(ChaosMachine machine, Disturbance planned)
    {
        // Azure's dates have whole seconds.
        var now = time.GetUtcNow();
        var deadline = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond)).AddSeconds(planned.NoticeSeconds + 1);
        var hasStarted = planned.NoticeSeconds == 0;
        var id = metadata!.Announce("Preempt", hasStarted ? null : deadline, machine.Name);
        noticed.Add((machine, planned.Number, id, hasStarted ? now + StartedFor : deadline));
        machine.Thaw();
    }

    /// <summary>What was planned for the others is planned for their successors.</summary>
    private void LoseAll(List<ChaosMachine> all, ChaosMachine first)
    {
        all.ForEach(machine => machine.Kill());
        noticed.ForEach(one => one.Machine.Kill());
        awake.ForEach(one => one.Machine.Kill());
        gone.ForEach(machine => machine.Kill());
        gone.AddRange(all);
        var unspent = all.Where(machine => machine != first).Select(machine => machine.Disturbance).OfType<Disturbance>().ToList();
        var later = plan.ToList();
        plan.Clear();
        unspent.Concat(later).ToList().ForEach(plan.Enqueue);
    }

    private void ReplaceDead(ChaosMachine machine)
    {
        if (partedAt is { } at && time.GetElapsedTime(at) < CutOffFor + PartedFor && SiloLogs.Says(machine.Log, GivenUp))
        {
            VotedOut++;
            tell($"{machine.Name} was given up by the other side of a partition");
            Replace(machine);
            return;
        }

        activations.Read(machine.Log);
        var log = SiloLogs.Keep(machine.Log);
        var end = $"{machine.Name} ended by itself; its log '{log}' ends with:\n{SiloLogs.Tail(log, 3)}";
        tell(end);
        if (++UnplannedExits > MostUnplannedExits)
        {
            throw new NotPossibleException($"{UnplannedExits} silos ended by themselves. The last one: {end}");
        }

        Replace(machine);
    }

    private void Replace(ChaosMachine machine)
    {
        fleet.Remove(machine);
        gone.Add(machine);
        if (machine.Disturbance is { } unspent)
        {
            plan.Enqueue(unspent);
        }

        Start();
    }

    private void Start()
    {
        var link = network.Add(string.Create(CultureInfo.InvariantCulture, $"silo{started + 1}"));
        var machine = ChaosMachine.Start(
            started++,
            program,
            store.Address,
            link,
            metadata?.Address,
            cache,
            plan.TryDequeue(out var next) ? next : null,
            keptLogs,
            time
        );
        fleet.Add(machine);
        reaper.Watch(machine.ProcessId);
    }

    /// <summary>Ends machines at their deadline, or at once when they have acknowledged the notice: work that they had still planned is
    /// lost.</summary>
    private void TakeAwayTheNoticed()
    {
        foreach (var one in noticed.ToList())
        {
            var acknowledged = metadata!.Acknowledged.Contains(one.Event);
            if (!acknowledged && !one.Machine.HasExited && time.GetUtcNow() < one.Until)
            {
                continue;
            }

            one.Machine.Kill();
            metadata.Cancel(one.Event);
            noticed.Remove(one);
            gone.Add(one.Machine);
            var i = carriedOut.FindIndex(done => done.Number == one.Number);
            carriedOut[i] = carriedOut[i] with { Acknowledged = acknowledged };
        }
    }

    /// <summary>Frozen machines wake up, and cut-off ones are connected again, when another silo owns their stage; one that still runs a
    /// while later is a machine too many.</summary>
    private void RejoinTheCutOff(RunFacts facts)
    {
        foreach (
            var one in cutOff
                .Where(one =>
                    time.GetElapsedTime(one.At) > CutOffFor
                    || (
                        carriedOut.Exists(done => done.Number == one.Number && done.Stage is not null) && losses.AreTaken(one.Number, facts)
                    )
                )
                .ToList()
        )
        {
            network.Rejoin(one.Machine.Link);
            one.Machine.Thaw();
            cutOff.Remove(one);
            awake.Add((one.Machine, time.GetTimestamp()));
            tell($"{one.Machine.Name} is back");
        }

        foreach (var one in awake.Where(one => one.Machine.HasExited || time.GetElapsedTime(one.At) > AwakeFor).ToList())
        {
            one.Machine.Terminate();
            awake.Remove(one);
            gone.Add(one.Machine);
        }
    }

    /// <summary>A vanished machine is never forgotten: its end of the connections must stay open.</summary>
    private void Forget()
    {
        foreach (var machine in gone.Where(machine => machine.HasExited).ToList())
        {
            gone.Remove(machine);
            activations.Read(machine.Log);
            network.Remove(machine.Link);
            machine.Dispose();
        }
    }

    private static IEnumerable<(StageId Id, StageRoot Root)> Owned(RunFacts facts, ChaosMachine machine) =>
        facts
            .Roots.Where(pair => pair.Value.Owner?.SiloName == machine.Name && !pair.Value.Finished)
            .Select(pair => (pair.Key, pair.Value));
}
