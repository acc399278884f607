using System.Net;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Tests;

/// <summary>A stage that brings its silos down is failed; one whose machines go away is not.</summary>
public sealed class OwnerLossTests
{
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Take_AfterCrashesWithoutACommit_WaitsLongerEachTimeAndThenFailsTheStage()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        await LoseAsync(run, store, new SiloEnd(11, null));

        var (none, waiting) = await run.OfferAsync(Stage, new(LocalRun.Silo, ["cpu:0"]));
        Assert.Null(none);
        Assert.Contains("its process was ended by signal 11 (a crash)", waiting, StringComparison.Ordinal);

        // Long ago enough for every pause.
        await BackdateAsync(run, failedTakes: 2);
        await run.HaveSeenAsync();
        var (_, reason) = await run.OfferAsync(Stage, new(LocalRun.Silo, ["cpu:0"]));

        Assert.Contains("Training it crashed its silo", reason, StringComparison.Ordinal);
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((null, 3), (root.Owner, root.FailedTakes));
        Assert.Contains("try 3 of 3", root.Failure!.Cause, StringComparison.Ordinal);
        Assert.Contains("slowrun retry", root.Failure.Advice, StringComparison.Ordinal);
        Assert.Contains("stage-failed", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(15)]
    public async Task Take_AfterKills_IsExcusedHoweverMany(int signal)
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        await LoseAsync(run, store, new SiloEnd(signal, null));
        await BackdateAsync(run, failedTakes: 2, lostTakes: 29);

        Assert.NotNull(await run.TakeAsync(Stage));
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((2, 29, 1), (root.FailedTakes, root.LostTakes, root.Preemptions));
    }

    [Fact]
    public async Task Take_AfterThirtyLossesThatNobodyExplains_FailsTheStage()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        await run.TakeAsync(Stage);
        Assert.NotNull(await run.TakeAsync(Stage));
        Assert.Equal(1, (await run.FactsAsync()).RootOf(Stage).LostTakes);
        await BackdateAsync(run, failedTakes: 0, lostTakes: 29);

        var (none, reason) = await run.OfferAsync(Stage, new(LocalRun.Silo, ["cpu:0"]));

        Assert.Null(none);
        Assert.Contains("30 silos in a row were lost", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(SiloEnd.NotItsWork)]
    public async Task Take_AfterThirtySilosThatEndedByThemselves_FailsTheStage(int exitCode)
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        await LoseAsync(run, store, new SiloEnd(null, exitCode));
        await BackdateAsync(run, failedTakes: 0, lostTakes: 28);

        Assert.NotNull(await run.TakeAsync(Stage));
        var (none, reason) = await run.OfferAsync(Stage, new(LocalRun.Silo, ["cpu:0"]));

        Assert.Null(none);
        Assert.Contains("30 silos in a row were lost", reason, StringComparison.Ordinal);
        Assert.Contains($"its process ended with exit code {exitCode}.", reason, StringComparison.Ordinal);
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((0, 30), (root.FailedTakes, root.LostTakes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(SiloEnd.NotItsWork)]
    public async Task Take_AfterASiloThatEndedByItselfAfterACommit_IsExcused(int exitCode)
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        await LoseAsync(run, store, new SiloEnd(null, exitCode), committed: true);

        Assert.NotNull(await run.TakeAsync(Stage));
        Assert.Equal(0, (await run.FactsAsync()).RootOf(Stage).LostTakes);
    }

    [Fact]
    public async Task Take_AfterACrashThatFollowedACommit_IsExcused()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        await run.SubmitAsync();
        var owner = await run.TakeAsync(Stage);
        var first = (await run.FactsAsync()).RootOf(Stage);
        owner.Start();
        owner.Stop(StopReason.Requested);
        await owner.Completion;
        await LoseAsync(run, store, new SiloEnd(11, null), committed: true);

        Assert.NotNull(await run.TakeAsync(Stage));
        Assert.Equal(0, (await run.FactsAsync()).RootOf(Stage).FailedTakes);
        Assert.Equal(1, first.EpochToken);
    }

    /// <summary>An owner that is gone, whose end another silo saw.</summary>
    private static async Task LoseAsync(LocalRun run, MemoryStore store, SiloEnd end, bool committed = false)
    {
        await run.TakeAsync(Stage);
        if (committed)
        {
            var document = run.Documents.Root(Stage);
            var root = (await document.ReadAsync(Stop))!;
            await document.WriteAsync(root with { Current = new("m", "h", 1, root.EpochToken, 1, root.WrittenAt) }, Stop);
        }

        var table = new StoreMembershipTable(store);
        var silo = SiloAddress.New(new IPEndPoint(IPAddress.Loopback, 1), 1);
        Assert.Equal(LocalRun.Silo, silo.ToParsableString());
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var entry = new MembershipEntry
        {
            SiloAddress = silo,
            SiloName = "test",
            Status = SiloStatus.Active,
            StartTime = now,
            IAmAliveTime = now,
            SuspectTimes = [],
        };
        Assert.True(await table.InsertRowAsync(entry, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));
        await new SiloEnds(store).RecordAsync(Environment.ProcessId, end, Stop);
    }

    private static async Task BackdateAsync(LocalRun run, int failedTakes, int lostTakes = 0)
    {
        var document = run.Documents.Root(Stage);
        var root = (await document.ReadAsync(Stop))!;
        await document.WriteAsync(
            root with
            {
                FailedTakes = failedTakes,
                LostTakes = lostTakes,
                WrittenAt = root.WrittenAt.AddHours(-1),
            },
            Stop
        );
    }
}
