using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Grains.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Simulation;

/// <summary>
/// Silos of one slot on one store, and one run, in virtual time: the decisions are those of the real classes; store, network, membership's
/// judgement and training are simulated.
/// </summary>
internal sealed class SimFleet
{
    public const string Run = "fleet";

    private static readonly TimeSpan Hop = TimeSpan.FromMilliseconds(1);

    // As measured on loopback (ClusterTuning.ProbeTimeout).
    private static readonly TimeSpan Detection = TimeSpan.FromSeconds(1.5);

    private readonly Random random;
    private readonly MemoryStore objects;
    private readonly Dictionary<StageId, SimStage> stages = [];
    private readonly Dictionary<StageId, SimSilo?> owners = [];
    private readonly List<SimSilo> silos = [];
    private readonly List<Task> running = [];
    private readonly LinkedList<TimeSpan> chances = new();
    private readonly List<TimeSpan> takes = [];
    private readonly List<TimeSpan> beats = [];
    private (SimSilo Host, RunDesk Desk)? desk;
    private int numbers;

    /// <param name="eachReads">Every silo reads every stage itself and hints, as before there was one reader.</param>
    /// <param name="inTable">Membership is a table with a row for each silo; else one document.</param>
    public SimFleet(int count, int seed, TimeSpan storeLatency, bool eachReads = false, bool inTable = false)
    {
        (EachReads, random) = (eachReads, new Random(seed));
        objects = new MemoryStore(time: Time);
        Store = new CloudStore(objects, storeLatency, random, Time);
        Table = inTable ? null : new StoreMembershipTable(Store, self: null, time: Time);
        Membership.Changed += gone => silos.ForEach(silo => silo.SilosChanged(gone));
        for (var i = 0; i < count; i++)
        {
            Join(random.NextDouble());
        }
    }

    public bool EachReads { get; }

    /// <summary>Whether silos reach the run grain.</summary>
    public bool RunGrainAnswers { get; init; } = true;

    /// <summary>Whether what wakes a silo for ready work arrives.</summary>
    public bool WakesArrive { get; init; } = true;

    /// <summary>Offers of slots to stages so far.</summary>
    public int Offered { get; private set; }

    public IReadOnlyList<SimSilo> Silos => silos;

    public VirtualTime Time { get; } = new();

    public CloudStore Store { get; }

    public FleetMembership Membership { get; } = new();

    /// <summary>Null: it is a table.</summary>
    public StoreMembershipTable? Table { get; }

    public int Trained => owners.Values.Count(owner => owner is not null);

    /// <summary>How long a stage was ready while a slot was free, for each take since this was asked last.</summary>
    public IReadOnlyList<TimeSpan> Takes() => Emptied(takes);

    /// <summary>How long each heartbeat took, since this was asked last.</summary>
    public IReadOnlyList<TimeSpan> Beats() => Emptied(beats);

    public void Submit(int chains)
    {
        var spec = SpecReader.FromPreset(
            "micro",
            new SpecOverrides { Name = Run, Set = [$"chains=[{string.Join(", ", Enumerable.Repeat("{stages: 1}", chains))}]"] }
        );
        new RunDocuments(objects, Run).TryCreateSpecAsync(spec).GetAwaiter().GetResult();
        foreach (var stage in new RunPlan(spec.Recipe).Stages)
        {
            owners[stage.Id] = null;
        }

        Settle();
    }

    public void Pass(TimeSpan duration)
    {
        Time.Run(Time.Now + duration);
        running.RemoveAll(task => task.IsCompletedSuccessfully);
        if (running.Find(task => task.IsFaulted) is { } failed)
        {
            throw new InvalidOperationException("Something of the simulation failed.", failed.Exception);
        }
    }

    /// <summary>Kills a silo at random: the others hear of it when they have missed its probes. Another joins in its place.</summary>
    /// <param name="replaced">After how long.</param>
    public void Lose(TimeSpan replaced)
    {
        var living = silos.Where(silo => silo.IsAlive).ToList();
        Lose(living[random.Next(living.Count)], replaced);
    }

    /// <inheritdoc cref="Lose(TimeSpan)"/>
    public void Lose(SimSilo lost, TimeSpan replaced)
    {
        lost.Kill();
        Settle();
        Watch(FollowAsync());

        async Task FollowAsync()
        {
            await Task.Delay(Detection, Time);
            foreach (var id in owners.Where(pair => pair.Value == lost).Select(pair => pair.Key).ToList())
            {
                owners[id] = null;
            }

            silos.Remove(lost);
            lost.Bury();
            Membership.Set(lost.Silo, SiloStatus.Dead);
            Settle();
            await Task.Delay(replaced, Time);
            Join(phase: 0);
        }
    }

    /// <summary>Of the silo that has the run grain now; null: none has.</summary>
    public SimSilo? Reader => desk?.Host;

    public SimStage Offer(StageId id)
    {
        Offered++;
        return Stage(id);
    }

    private SimStage Stage(StageId id) => stages.TryGetValue(id, out var stage) ? stage : stages[id] = new SimStage(this, id);

    public void Taken(StageId id, SimSilo silo)
    {
        if (chances.First is { } oldest)
        {
            takes.Add(Time.Now - oldest.Value);
            chances.RemoveFirst();
        }

        owners[id] = silo;
        silo.Taken();
        Settle();
    }

    public void Beat(TimeSpan took) => beats.Add(took);

    public void Watch(Task task) => running.Add(task);

    public Task HopAsync() => Task.Delay(Hop, Time);

    public async Task<T> OnRunAsync<T>(SimSilo from, Func<RunDesk, Task<T>> call)
    {
        if (!RunGrainAnswers)
        {
            await HopAsync();
            throw new SiloUnavailableException("Nobody answers.");
        }

        if (desk is { } lost && lost.Host.IsGone)
        {
            desk = null;
        }

        if (desk is null)
        {
            var living = silos.Where(silo => silo.IsAlive).ToList();
            var chosen = living[random.Next(living.Count)];
            desk = (chosen, new RunDesk(Run, chosen.Address, chosen.Watch, Wake, chosen.Watch.ActiveSilos, Time));
        }

        var (host, here) = desk.Value;
        await HopAsync();
        if (host.IsAlive)
        {
            var answer = await call(here);
            if (host.IsAlive && from.IsAlive)
            {
                await HopAsync();
                return answer;
            }
        }

        await host.GoneAsync();
        throw new SiloUnavailableException("The silo of the run grain is gone.");
    }

    private void Wake(string address, int among)
    {
        if (WakesArrive && silos.Find(silo => silo.Address == address) is { } silo)
        {
            silo.Wake(among);
        }
    }

    private void Join(double phase)
    {
        var silo = new SimSilo(this, numbers++);
        if (Table is not null)
        {
            // Joining is not what is measured.
            var table = new StoreMembershipTable(objects, self: null);
            var now = table.ReadAllAsync().GetAwaiter().GetResult();
            var entry = new MembershipEntry
            {
                SiloAddress = silo.Silo,
                Status = SiloStatus.Active,
                SiloName = silo.Address,
                HostName = "simulated",
                StartTime = Time.GetUtcNow().UtcDateTime,
                IAmAliveTime = Time.GetUtcNow().UtcDateTime,
                SuspectTimes = [],
            };
            table.InsertRowAsync(entry, now.Version.Next()).GetAwaiter().GetResult();
        }

        silos.Add(silo);
        Membership.Set(silo.Silo, SiloStatus.Active);
        silo.Start(phase, random);
        Settle();
    }

    /// <summary>Counts from when there is both a stage without a living owner and a slot for it.</summary>
    private void Settle()
    {
        var now = Math.Min(owners.Values.Count(owner => owner is null), silos.Count(silo => silo is { IsAlive: true, Owns: false }));
        while (chances.Count < now)
        {
            chances.AddLast(Time.Now);
        }

        while (chances.Count > now)
        {
            chances.RemoveLast();
        }
    }

    private static List<TimeSpan> Emptied(List<TimeSpan> list)
    {
        var all = list.ToList();
        list.Clear();
        return all;
    }
}
