using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Loop;

/// <summary>A silo that is a stage's owner and trains nothing lets go of it, as every owner does.</summary>
public sealed class OrphanReleaseTests : IAsyncDisposable
{
    private const string Me = "127.0.0.1:1@1";
    private static readonly StageId Stage = new(0, 0);

    private readonly MemoryStore store = new();

    // Later than the store's own clock, by which the run was submitted.
    private readonly FakeTimeProvider time = new(TimeProvider.System.GetUtcNow().AddDays(1));
    private readonly LocalWork local = new();
    private readonly LocalRun run;
    private readonly OrphanRelease orphans;

    public OrphanReleaseTests()
    {
        run = new LocalRun(store, time: time);
        var sights = new ReadySince(time);
        // The silo has been there since before it took anything.
        Assert.Equal(time.GetUtcNow(), sights.ServedSince);
        orphans = new OrphanRelease(store, local, sights, new Silo(), time, NullLogger<OrphanRelease>.Instance);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => run.DisposeAsync();

    [Fact]
    public async Task From_AnOwnerThatTrainsNothing_ReleasesItWithLedgerLostStepsAndAnEvent()
    {
        await TakeAsync();
        await TellAsync(step: 3, trainedSeconds: 6);
        time.Advance(TimeSpan.FromSeconds(4));

        var facts = await orphans.FromAsync(await run.FactsAsync(Me), Stop);

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal(root.WriteId, facts.RootOf(Stage).WriteId);
        Assert.Equal((null, ReleaseCause.Left, 3L, 2L), (root.Owner, root.ReleasedFor, root.LostSteps, root.Revision));
        Assert.Equal((0, 6, 4), (root.Ledger.TrainingSeconds, root.Ledger.LostSeconds, root.Ledger.DownSeconds));
        Assert.Equal(time.GetUtcNow(), root.Ledger.Until);
        Assert.Equal(
            root.WriteId,
            SealedJson
                .Deserialize<StageRoot>(
                    RunPaths.RootCopy("micro", Stage),
                    (await store.TryReadAsync(RunPaths.RootCopy("micro", Stage), Stop))!.Content.Span
                )
                .WriteId
        );
        Assert.Contains(
            "stage-released chain0/stage0: test owned it although nothing of it ran there, and released it at step 0; 3 steps after it are lost.",
            await run.StoryAsync(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task From_AnOwnerThatTrainsNothing_IsASpanOfTheStageAndTheRootNamesIt()
    {
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Instruments.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                lock (spans)
                {
                    spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await TakeAsync();

        var root = (await orphans.FromAsync(await run.FactsAsync(Me), Stop)).RootOf(Stage);

        lock (spans)
        {
            Assert.Contains(spans, span => span.OperationName == Spans.Release && span.Id == root.TraceParent);
        }
    }

    [Fact]
    public async Task From_AnOwnerThatIsAtWorkHere_LeavesItAlone()
    {
        await TakeAsync();
        using var work = local.TryBegin(WorkName.Train("micro", Stage));

        Assert.NotNull((await orphans.FromAsync(await run.FactsAsync(Me), Stop)).RootOf(Stage).Owner);
        Assert.Equal(1, (await run.FactsAsync()).RootOf(Stage).Revision);
    }

    [Fact]
    public async Task From_AnOwnerThatWasTakenFromMeanwhile_LeavesTheNewOneAlone()
    {
        await TakeAsync();
        var seen = await run.FactsAsync(Me);
        await TakeAsync();

        await orphans.FromAsync(seen, Stop);

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((2L, Me), (root.EpochToken, root.Owner?.Silo));
    }

    [Fact]
    public async Task From_AnotherSilosStage_LeavesItAlone()
    {
        await run.SubmitAsync();
        await run.OfferAsync(Stage, new SlotOffer("127.0.0.1:2@2", ["cpu:0"]));

        Assert.NotNull((await orphans.FromAsync(await run.FactsAsync(Me), Stop)).RootOf(Stage).Owner);
    }

    /// <summary>A take whose runner never comes to anything.</summary>
    private async Task TakeAsync()
    {
        await run.SubmitAsync();
        Assert.NotNull((await run.OfferAsync(Stage, new SlotOffer(Me, ["cpu:0"]))).Runner);
    }

    private async Task TellAsync(int step, double trainedSeconds)
    {
        var root = (await run.FactsAsync()).RootOf(Stage);
        time.Advance(TimeSpan.FromSeconds(trainedSeconds));
        await run.Documents.WriteProgressAsync(
            Stage,
            new StageProgress
            {
                Stage = Stage.ToString(),
                EpochToken = root.EpochToken,
                Activity = StageActivity.Training,
                Step = step,
                Steps = root.Steps,
                Ledger = root.Ledger.Spend(Account.Training, time.GetUtcNow()),
                At = time.GetUtcNow(),
            },
            Stop
        );
    }

    private sealed class Silo : ILocalSiloDetails
    {
        public string Name => "test";

        public string ClusterId => "cluster";

        public string DnsHostName => "localhost";

        public SiloAddress SiloAddress => SiloAddress.FromParsableString(Me);

        public SiloAddress GatewayAddress => SiloAddress.New(IPAddress.Loopback, 2, 1);
    }
}
