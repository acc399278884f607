using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Simulation;

/// <summary>One silo with one slot: the very look, offers and pace of a real one; its owners only report.</summary>
internal sealed class SimSilo
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RefreshEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(7.5);

    private readonly SimFleet fleet;
    private readonly SimGrains grains;
    private readonly RunAsking asking;
    private readonly Look look;

    // One for each: all but one of several that await the same task would go on elsewhere.
    private readonly List<TaskCompletionSource> mourners = [];

    // Whether by a hint.
    private TaskCompletionSource<bool>? poked;

    public SimSilo(SimFleet fleet, int number)
    {
        this.fleet = fleet;
        Silo = SiloAddress.New(new IPEndPoint(new IPAddress([10, 0, (byte)(number >> 8), (byte)number]), 11111), number + 1);
        Address = Silo.ToParsableString();
        var (store, time, details) = (fleet.Store, fleet.Time, new Details(Silo));
        grains = new SimGrains(fleet, this);
        var living = new LivingSilos(fleet.Membership);
        Watch = new RunWatch(new RunFactsReader(store, time), store, fleet.Membership, living, time);
        var (pulse, sights, sensors, pace) = (
            new LoopPulse(time),
            new ReadySince(time),
            new SlotSensors(devices: null, () => null),
            new OfferPace(time)
        );
        asking = new RunAsking(
            Watch,
            Local,
            pace,
            new SiloGauges(Slots, sensors, new StoreTroubles(store), time),
            grains,
            details,
            time,
            NullLogger<RunAsking>.Instance
        )
        {
            ReadsItself = fleet.EachReads,
        };
        var fingerprints = new Fingerprints((_, _) => "one");
        var offers = new Offers(
            Slots,
            fingerprints,
            Local,
            new StageRoom(null, Local),
            sensors,
            sights,
            new TakeRefusals(store, time),
            pace,
            new Offering(pace, pulse, details, NullLogger<Offering>.Instance),
            pulse,
            grains,
            details,
            time
        );
        look = new Look(
            store,
            Watch,
            asking,
            offers,
            new SlotMoving(Slots, Local, fingerprints, sensors, new TokenSets(store), time),
            new OrphanRelease(store, Local, sights, details, time, NullLogger<OrphanRelease>.Instance),
            new DocumentMending(store, Local, living, details, time, NullLogger<DocumentMending>.Instance),
            sights,
            Slots,
            Local,
            new FleetWork(Slots),
            new Warming(fingerprints, Slots),
            details,
            pulse,
            time,
            NullLogger<Look>.Instance
        );
    }

    public SiloAddress Silo { get; }

    public string Address { get; }

    public SlotTable Slots { get; } = new(["cpu:0"]);

    public LocalWork Local { get; } = new();

    public RunWatch Watch { get; }

    public bool IsAlive { get; private set; } = true;

    public bool Owns { get; private set; }

    /// <summary>Whether the cluster holds it for dead.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Ends when the cluster holds it for dead.</summary>
    public Task GoneAsync()
    {
        var mourner = new TaskCompletionSource();
        mourners.Add(mourner);
        if (IsGone)
        {
            mourner.SetResult();
        }

        return mourner.Task;
    }

    /// <param name="phase">Where its loop is in its longest pause; 0: it begins.</param>
    public void Start(double phase, Random random)
    {
        fleet.Watch(LoopAsync(phase));
        fleet.Watch(RefreshAsync(random.NextDouble()));
        fleet.Watch(BeatAsync(random.NextDouble()));
    }

    public void Kill() => IsAlive = false;

    public void Bury()
    {
        IsGone = true;
        mourners.ForEach(mourner => mourner.SetResult());
    }

    /// <summary>A silo came or has gone.</summary>
    public void SilosChanged(bool gone)
    {
        if (fleet.EachReads)
        {
            poked?.TrySetResult(false);
        }

        if (!IsAlive || fleet.EachReads || !gone)
        {
            return;
        }

        asking.SilosGone();
        if (Slots.Free.Count > 0)
        {
            fleet.Watch(WakeAsync(Watch.Spread(), isHint: false));
        }
    }

    /// <summary>The run grain has work for it.</summary>
    public void Wake(int among)
    {
        if (IsAlive && Slots.Free.Count > 0)
        {
            fleet.Watch(WakeAsync(RunWatch.Spread(among), isHint: true));
        }
    }

    /// <summary>The root says so.</summary>
    public void Taken() => Owns = true;

    /// <summary>A stage trains here from now on.</summary>
    public void Own(StageId id, StageRoot root)
    {
        fleet.Watch(ReportAsync(id, root));
    }

    private async Task WakeAsync(TimeSpan spread, bool isHint)
    {
        await Task.Delay(spread, fleet.Time);
        poked?.TrySetResult(isHint);
    }

    private async Task LoopAsync(double phase)
    {
        await Task.Delay(TimeSpan.FromSeconds(5 * phase), fleet.Time);
        var pace = new LookPace();
        while (IsAlive)
        {
            var (offered, _) = await look.OnceAsync(CancellationToken.None);
            if (offered)
            {
                pace.Reset();
            }

            poked = new TaskCompletionSource<bool>();
            pace.Waited(
                await Task.WhenAny(poked.Task, Task.Delay(pace.Pause, fleet.Time)) != poked.Task ? Poked.No
                : await poked.Task ? Poked.ByHint
                : Poked.Yes
            );
        }
    }

    private async Task ReportAsync(StageId id, StageRoot root)
    {
        for (var second = 0; IsAlive; second++)
        {
            var progress = new StageProgress
            {
                Stage = id.ToString(),
                EpochToken = root.EpochToken,
                Activity = StageActivity.Training,
                Step = second,
                Steps = root.Steps,
                RootRevision = root.Revision,
                At = fleet.Time.GetUtcNow(),
            };
            if (!fleet.EachReads)
            {
                try
                {
                    await grains.GetGrain<IRunGrain>(SimFleet.Run).Report(progress).WaitAsync(TimeSpan.FromSeconds(5), fleet.Time);
                }
                catch (Exception e) when (e is TimeoutException or OrleansException) { }
            }

            if (second % 2 == 0 && IsAlive)
            {
                await new RunDocuments(fleet.Store, SimFleet.Run).WriteProgressAsync(id, progress);
            }

            await Task.Delay(ReportEvery, fleet.Time);
        }
    }

    private async Task RefreshAsync(double phase)
    {
        await Task.Delay(RefreshEvery * phase, fleet.Time);
        while (IsAlive)
        {
            await (fleet.Table is { } table ? table.ReadAllAsync() : fleet.Store.OtherAsync("membership table: read"));
            await Task.Delay(RefreshEvery, fleet.Time);
        }
    }

    private async Task BeatAsync(double phase)
    {
        await Task.Delay(HeartbeatEvery * phase, fleet.Time);
        while (IsAlive)
        {
            var from = fleet.Time.GetTimestamp();
            await (
                fleet.Table is { } table
                    ? table.UpdateIAmAliveAsync(
                        new MembershipEntry { SiloAddress = Silo, IAmAliveTime = fleet.Time.GetUtcNow().UtcDateTime }
                    )
                    : fleet.Store.OtherAsync("membership table: heartbeat")
            );
            fleet.Beat(fleet.Time.GetElapsedTime(from));
            await Task.Delay(HeartbeatEvery, fleet.Time);
        }
    }

    private sealed class Details(SiloAddress silo) : ILocalSiloDetails
    {
        public string Name => silo.ToParsableString();

        public string ClusterId => "simulated";

        public string DnsHostName => "simulated";

        public SiloAddress SiloAddress => silo;

        public SiloAddress GatewayAddress => silo;
    }
}
