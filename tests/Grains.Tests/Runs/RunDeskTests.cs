using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Tests.Simulation;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>Which silos the run grain wakes, and when. No time passes: what is woken does not wait for its next look.</summary>
public sealed class RunDeskTests
{
    private const string Run = "run";
    private static readonly StageId First = new(0, 0);
    private static readonly StageId Second = new(0, 1);

    private readonly FakeTimeProvider time = new();
    private readonly MemoryStore store = new();
    private readonly FleetMembership membership = new();
    private readonly SiloAddress[] silos = [.. Enumerable.Range(1, 3).Select(port => SiloAddress.New(IPAddress.Loopback, port, 1))];
    private readonly List<string> woken = [];
    private HashSet<string>? wakeable;
    private readonly RunDocuments documents;
    private readonly SlowStore slow;
    private readonly RunDesk desk;

    public RunDeskTests()
    {
        documents = new RunDocuments(store, Run);
        foreach (var silo in silos)
        {
            membership.Set(silo, SiloStatus.Active);
        }

        slow = new SlowStore(store);
        var watch = new RunWatch(new RunFactsReader(slow, time), slow, membership, new LivingSilos(membership), time);
        desk = new RunDesk(Run, Address(0), watch, (silo, _) => woken.Add(silo), () => wakeable ?? watch.ActiveSilos(), time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Report_OfAnOwnerThatHasFinished_WakesASiloForTheNextStageAndTheScore()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);
        Assert.Empty(woken);

        await WriteAsync(First, root => root with { Owner = null, Snapshot = Snapshot });
        await ReportAsync(revision: 2);

        await UntilWokenAsync(2);
        Assert.Equal([Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Report_OfAnOwnerThatHasLetGo_WakesOneOfTheSilosThatWait()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 2);

        await UntilWokenAsync(1);
        Assert.Single(woken);
        Assert.Equal([First], (await HandedAsync(1)).Concat(await HandedAsync(2)));
    }

    [Fact]
    public async Task Report_OfAnOwnerThatHasLetGo_DoesNotWakeThatOwnerForItsOwnStage()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        // It has another slot, and looks no more once it stops.
        await AskAsync(0);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 2, hasEnded: true);

        await UntilWokenAsync(2);
        Assert.Equal([Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Report_SoonAfterAnother_IsReadWhenTheTimeBetweenReadingsIsOver()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);
        await HandedAsync(1);
        woken.Clear();
        await WriteAsync(First, root => root);
        await ReportAsync(revision: 2);
        Assert.Empty(woken);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 3);
        Assert.Empty(woken);
        time.Advance(TimeSpan.FromSeconds(1));

        await UntilWokenAsync(1);
        Assert.Equal([Address(2)], woken);
    }

    [Fact]
    public async Task Report_OfALastWordSoonAfterAnother_IsReadAtOnce_OnceForEachTake()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await AskAsync(2);
        await HandedAsync(1);
        woken.Clear();
        await WriteAsync(First, root => root);
        await ReportAsync(revision: 2);

        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 3, hasEnded: true);

        await UntilWokenAsync(1);
        Assert.Equal([Address(2)], woken);

        // Nonsense costs no more than usual.
        await WriteAsync(First, root => root);
        slow.Gate = new TaskCompletionSource();
        slow.Waiting = 0;
        await ReportAsync(revision: 4, hasEnded: true);
        Assert.Equal(0, slow.Waiting);
        slow.Gate.SetResult();
    }

    [Fact]
    public async Task Look_ThatTellsOfAnOwnerThatIsGone_WakesTheOtherSilosForWhatItLeft()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 2);
        await TrainingAsync(owner: 2, new StageId(1, 0));
        await AskAsync(0);
        await AskAsync(1);
        Assert.Empty(woken);

        membership.Set(silos[2], SiloStatus.Dead);
        await AskAsync(1);

        Assert.Equal([Address(0)], woken);
    }

    [Fact]
    public async Task Poke_OfARunThatWasResumed_WakesTheSilosThatWait()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Cancel);
        await AskAsync(0);
        await AskAsync(1);
        await AskAsync(2);
        Assert.Empty(woken);

        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Running }, Cancel);
        await desk.PokeAsync();

        Assert.Equal(2, woken.Distinct().Count());
    }

    [Fact]
    public async Task Poke_OfARunOfWhichNoSiloHasAsked_WakesAll_AndTwoOfThemForOneStageGetItOnce()
    {
        await SubmitAsync("{stages: 1}");

        await desk.PokeAsync();

        Assert.Equal([Address(0), Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
        Assert.Equal([First], (await HandedAsync(1)).Concat(await HandedAsync(2)));
    }

    [Fact]
    public async Task Look_OfASiloWhoseWakeWasLost_IsHandedTheStage()
    {
        await SubmitAsync("{stages: 1}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        await WriteAsync(First, root => root with { Owner = null });
        await ReportAsync(revision: 2);
        await UntilWokenAsync(1);

        // Its own look, five seconds later.
        time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal([First], await HandedAsync(1));
    }

    [Fact]
    public async Task Look_OfASiloThatLeavesAloneWhatItWasHanded_WakesAnother()
    {
        await SubmitAsync("{stages: 1}");
        await AskAsync(0);
        await AskAsync(1);
        await AskAsync(2);
        woken.Clear();

        await desk.LookAsync(new RunQuestion(Address(0), 1) { NotMine = [WorkName.Train(Run, First)] });

        Assert.Single(woken, silo => silo != Address(0));
    }

    [Fact]
    public async Task Poke_WhereASiloOfAnOlderBuildWaits_WakesOnlyThoseThatUnderstandIt()
    {
        await SubmitAsync("{stages: 1}");
        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Cancel);
        await AskAsync(0);
        wakeable = [Address(1)];

        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Running }, Cancel);
        await desk.PokeAsync();

        Assert.Equal([Address(1)], woken);
    }

    [Fact]
    public async Task Look_OfASiloThatStopsWhileItScores_WakesAnotherForTheScore()
    {
        await SubmitAsync("{stages: 1}");
        await WriteAsync(First, root => root with { EpochToken = 1, Steps = 10, Snapshot = Snapshot });
        await AskAsync(0);
        await desk.LookAsync(new RunQuestion(Address(0), 0) { AtWork = [WorkName.Score(Run, First)] });
        await AskAsync(1);
        await AskAsync(2);
        woken.Clear();

        await desk.LookAsync(new RunQuestion(Address(0), 0) { AtWork = [WorkName.Score(Run, First)], Stops = true });

        Assert.Single(woken, silo => silo != Address(0));
    }

    [Fact]
    public async Task Report_ThatRefreshesWhatIsOld_WakesASiloForWhatAPersonHasLetGoOn()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        await TrainingAsync(owner: 0);
        await TrainingAsync(owner: 2, new StageId(1, 0));
        await AskAsync(1);
        await WriteAsync(new StageId(1, 0), root => root with { Owner = null });
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.Empty(woken);

        await ReportAsync(revision: 1);

        await UntilWokenAsync(1);
        Assert.Equal(Address(1), woken[0]);
    }

    [Fact]
    public async Task Look_OfASiloThatALostReaderHadTold_WakesNoSiloThatHasNotAsked_ForTwoSeconds()
    {
        await SubmitAsync("{stages: 1}, {stages: 1}");
        var question = new RunQuestion(Address(0), 1) { Has = new NewsVersion("lost", 7) };

        await desk.LookAsync(question);
        Assert.Empty(woken);
        time.Advance(TimeSpan.FromSeconds(2));
        await desk.LookAsync(question);

        Assert.Equal([Address(1), Address(2)], woken.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Look_WhileTheStoreIsSlow_IsAnsweredByWhatIsKnown()
    {
        await SubmitAsync("{stages: 1}");
        await AskAsync(0);
        time.Advance(TimeSpan.FromSeconds(10));
        slow.Gate = new TaskCompletionSource();

        var look = HandedAsync(1);
        Assert.False(look.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.5));

        Assert.Equal([First], await look);
        slow.Gate.SetResult();
    }

    [Fact]
    public async Task Look_WhileTheStoreHangs_IsAnsweredByWhatIsKnownForFiveSecondsAlone_AndAgainOnceItIsBack()
    {
        await SubmitAsync("{stages: 2}");
        await TrainingAsync(owner: 0);
        await AskAsync(1);
        slow.Gate = new TaskCompletionSource();
        await WriteAsync(First, root => root with { Owner = null, Snapshot = Snapshot });
        await ReportAsync(revision: 2);

        // The way of the reader's silo alone: others can find the next stage in the store.
        var early = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.Empty(await early);
        var late = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(1));
        var error = await Assert.ThrowsAsync<IOException>(() => late);
        Assert.Contains(
            $"not answered silo {Address(0)}, which reads run 'run' for all silos, for 5 s",
            error.Message,
            StringComparison.Ordinal
        );

        // A try that ends and is begun anew starts no other five seconds.
        var gate = slow.Gate;
        slow.Gate = new TaskCompletionSource();
        gate.SetException(new IOException("Away."));
        var next = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(0.5));
        await Assert.ThrowsAsync<IOException>(() => next);

        slow.Gate.SetResult();
        slow.Gate = null;
        // A score besides.
        var news = await desk.LookAsync(new RunQuestion(Address(1), 2));
        Assert.Contains(WorkName.Train(Run, Second), news!.Handed);
    }

    [Fact]
    public async Task Look_OfALargeRunThatWasNeverRead_IsAnsweredBeforeSilosReadItThemselves()
    {
        await SubmitAsync(string.Join(", ", Enumerable.Repeat("{stages: 1}", 480)));
        var virtualTime = new VirtualTime();
        var cloud = new CloudStore(store, TimeSpan.FromMilliseconds(10), new Random(1), virtualTime);
        var watch = new RunWatch(new RunFactsReader(cloud, virtualTime), cloud, membership, new LivingSilos(membership), virtualTime);
        var cold = new RunDesk(Run, Address(0), watch, (_, _) => { }, watch.ActiveSilos, virtualTime);

        var look = cold.LookAsync(new RunQuestion(Address(1), 1));
        // Silos wait a second.
        virtualTime.Run(virtualTime.Now + TimeSpan.FromSeconds(0.8));

        Assert.True(look.IsCompletedSuccessfully);
        Assert.Equal(480, cloud.Counts["read root"]);
    }

    [Fact]
    public async Task Look_OfARunThatWasNeverRead_WaitsForTheReading()
    {
        await SubmitAsync("{stages: 1}");
        slow.Gate = new TaskCompletionSource();

        var look = HandedAsync(1);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(look.IsCompleted);
        slow.Gate.SetResult();

        Assert.Equal([First], await look);
    }

    private static SnapshotRef Snapshot => new("s", new string('a', 64), 1, DateTimeOffset.UnixEpoch);

    private string Address(int silo) => silos[silo].ToParsableString();

    private async Task SubmitAsync(string chains)
    {
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = Run, Set = [$"chains=[{chains}]"] });
        await documents.TryCreateSpecAsync(spec, Cancel);
    }

    private async Task TrainingAsync(int owner, StageId? id = null) =>
        await WriteAsync(
            id ?? First,
            root => root with { EpochToken = 1, Steps = 10, Owner = new StageOwner(Address(owner), "owner", ["cpu:0"], time.GetUtcNow()) }
        );

    private async Task WriteAsync(StageId id, Func<StageRoot, StageRoot> change)
    {
        var document = documents.Root(id);
        var root = await document.ReadAsync(Cancel) ?? new StageRoot();
        await document.WriteAsync(
            change(root) with
            {
                Revision = root.Revision + 1,
                WriteId = $"w{root.Revision + 1}",
                WrittenAt = time.GetUtcNow(),
            },
            Cancel
        );
    }

    private Task ReportAsync(long revision, bool hasEnded = false) =>
        desk.ReportAsync(
            new StageProgress
            {
                Stage = First.ToString(),
                EpochToken = 1,
                Activity = StageActivity.Training,
                Step = 1,
                Steps = 10,
                RootRevision = revision,
                HasEnded = hasEnded,
                At = time.GetUtcNow(),
            }
        );

    /// <summary>What an owner reports is read behind its back.</summary>
    private async Task UntilWokenAsync(int count)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromMinutes(10));
        while (woken.Count < count)
        {
            await Task.Delay(5, limit.Token);
        }
    }

    private Task AskAsync(int silo) => HandedAsync(silo);

    private async Task<IEnumerable<StageId>> HandedAsync(int silo) =>
        (await desk.LookAsync(new RunQuestion(Address(silo), 1) { MembershipVersion = membership.CurrentSnapshot.Version.Value }))!
            .Handed.Where(work => work.StartsWith("train ", StringComparison.Ordinal))
            .Select(work => StageId.TryParse(work[(work.IndexOf('/', StringComparison.Ordinal) + 1)..], out var id) ? id : default);

    private sealed class SlowStore(IObjectStore inner) : DelegatingStore(inner)
    {
        /// <summary>What every operation waits for; null: nothing.</summary>
        public TaskCompletionSource? Gate { get; set; }

        public int Waiting { get; set; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            Waiting++;
            await (Gate?.Task ?? Task.CompletedTask);
            return await run();
        }
    }
}
