using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Grains.Tests.Simulation;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>What a silo does with the answers of run grains that see another cluster than it does, and with those that do not
/// come.</summary>
public sealed class RunAskingTests
{
    private const string Run = "run";
    private static readonly StageId Left = new(0, 0);
    private static readonly StageId Other = new(1, 0);
    private static readonly SiloAddress Owner = Silo(1);
    private static readonly SiloAddress Asker = Silo(2);
    private static readonly SiloAddress Reader = Silo(3);

    private readonly FakeTimeProvider time = new();
    private readonly MemoryStore store = new();
    private readonly FleetMembership seen = new();
    private readonly FleetMembership readers = new();
    private readonly RunDesk desk;

    public RunAskingTests()
    {
        foreach (var membership in new[] { seen, readers })
        {
            membership.Set(Owner, SiloStatus.Active);
            membership.Set(Asker, SiloStatus.Active);
            membership.Set(Reader, SiloStatus.Active);
        }

        desk = new RunDesk(Run, Reader.ToParsableString(), Watch(readers), (_, _) => { }, () => new HashSet<string>(), time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Look_HandedAStageWhoseOwnerLivesInItsView_LeavesItAtOnceForAnotherSilo()
    {
        await LeftByItsOwnerAsync();
        readers.Set(Owner, SiloStatus.Dead);

        var view = await LookAsync();

        Assert.Equal([WorkName.Train(Run, Other)], view.Handed);
        var another = await desk.LookAsync(new RunQuestion(Reader.ToParsableString(), 2));
        Assert.Equal([WorkName.Train(Run, Left)], another!.Handed);
    }

    [Fact]
    public async Task Look_HandedAStageWhoseOwnerLivesInItsOldView_LooksAtTheClusterAgainAndTakesIt()
    {
        await LeftByItsOwnerAsync();
        readers.Set(Owner, SiloStatus.Dead);
        seen.OnRefresh = () => seen.Set(Owner, SiloStatus.Dead);

        var view = await LookAsync();

        Assert.Equal([WorkName.Train(Run, Left)], view.Handed);
        Assert.Null(view.Facts.LivingOwnerOf(Left));
    }

    [Fact]
    public async Task Probe_OfManyReadersThatHang_TakesAsLongAsOne()
    {
        var runs = Enumerable.Range(0, 20).Select(run => $"run-{run}").ToList();
        var asking = Asking(_ => new Grain(_ => new TaskCompletionSource<RunNews?>().Task));

        var probe = asking.ProbeAsync(runs, Cancel);
        time.Advance(TimeSpan.FromSeconds(1));
        // Then all are asked once more, after a random moment.
        await Until.HoldsAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(0.1));
            return probe.IsCompleted || time.GetUtcNow() - time.Start > TimeSpan.FromSeconds(3);
        });
        await probe.WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        Assert.All(runs, run => Assert.True(asking.IsSilent(run)));
    }

    [Fact]
    public async Task Probe_OfAReaderThatAnswers_DoesNotCallItSilent()
    {
        await LeftByItsOwnerAsync();
        var asking = Asking(run => new Grain(run == Run ? desk.LookAsync : _ => throw new SiloUnavailableException("It is gone.")));

        var probe = asking.ProbeAsync([Run, "another"], Cancel);
        await Until.HoldsAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
            return probe.IsCompleted;
        });

        Assert.False(asking.IsSilent(Run));
        Assert.True(asking.IsSilent("another"));
    }

    private static SiloAddress Silo(int port) => SiloAddress.New(IPAddress.Loopback, port, 1);

    private RunWatch Watch(FleetMembership membership) =>
        new(new RunFactsReader(store, time), store, membership, new LivingSilos(membership), time);

    private RunAsking Asking(Func<string, IRunGrain> grain)
    {
        var slots = new SlotTable(["cpu:0"]);
        return new RunAsking(
            Watch(seen),
            new LocalWork(),
            new OfferPace(time),
            new SiloGauges(slots, new SlotSensors(devices: null, () => null), new StoreTroubles(store), time),
            new SimGrains((_, key) => grain(key)),
            new Details(),
            time,
            NullLogger<RunAsking>.Instance
        );
    }

    private async Task<RunView> LookAsync() =>
        (await Asking(_ => new Grain(desk.LookAsync)).LookAsync(Run, free: 1, _ => [], mended: false, Cancel))!;

    /// <summary>Two chains, of which one stage has an owner, and is ahead of the other once that is gone.</summary>
    private async Task LeftByItsOwnerAsync()
    {
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = Run, Set = ["chains=[{stages: 2}, {stages: 1}]"] });
        var documents = new RunDocuments(store, Run);
        await documents.TryCreateSpecAsync(spec, Cancel);
        await documents
            .Root(Left)
            .WriteAsync(
                new StageRoot
                {
                    EpochToken = 1,
                    Revision = 1,
                    WriteId = "w",
                    Steps = 10,
                    Owner = new StageOwner(Owner.ToParsableString(), "owner", ["cpu:0"], time.GetUtcNow()),
                },
                Cancel
            );
    }

    private sealed class Grain(Func<RunQuestion, Task<RunNews?>> look) : IRunGrain
    {
        public Task<RunNews?> Look(RunQuestion question) => look(question);

        public Task<RunStatus?> GetStatus() => throw new NotSupportedException();

        public Task Poke() => throw new NotSupportedException();

        public Task<OwnerOrders> Report(StageProgress progress) => throw new NotSupportedException();
    }

    private sealed class Details : ILocalSiloDetails
    {
        public string Name => "asker";

        public string ClusterId => "slowrun";

        public string DnsHostName => "asker";

        public SiloAddress SiloAddress => Asker;

        public SiloAddress GatewayAddress => Asker;
    }
}
