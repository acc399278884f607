using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Tests.Runs;

/// <summary>What reading a run costs in store operations: what cannot change is read once, and again at long intervals.</summary>
public sealed class RunFactsReaderTests
{
    private const string Run = "long";
    private const string Silo = "127.0.0.1:1@1";

    private readonly MemoryStore store = new();
    private readonly FakeTimeProvider time = new();
    private readonly Counting counting;
    private readonly RunFactsReader reader;

    public RunFactsReaderTests()
    {
        counting = new Counting(store);
        reader = new RunFactsReader(counting, time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(2)]
    [InlineData(80)]
    public async Task Glance_AtOneStageThatTrainsBehindManyThatAreDone_CostsTheSameHoweverManyThereAre(int done)
    {
        await HaveAsync(done);
        var first = await ReadAsync();
        Assert.Equal((done, done, 1), (first.Scores.Count, first.Roots.Values.Count(root => root.Finished), first.Ensembles.Count));
        counting.Operations.Clear();

        // A minute of a slot loop's looks.
        for (var look = 0; look < 12; look++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            var facts = (await reader.GlanceAsync(Run, new HashSet<string> { Silo }, isStill: null, Cancel))!;
            Assert.Equal(StageState.Training, Readiness.StateOf(facts, new StageId(0, done)));
            Assert.Equal(done, facts.Scores.Count);
        }

        Assert.InRange(counting.Operations.Count, 12, 30);
    }

    [Fact]
    public async Task Read_OfAFinishedStage_HasItsOwnersLastWord()
    {
        await HaveAsync(1);
        var id = new StageId(0, 0);
        var documents = new RunDocuments(store, Run);
        var root = (await documents.TryReadRootAsync(id, Cancel))!;
        await documents.WriteProgressAsync(
            id,
            new StageProgress
            {
                Stage = id.ToString(),
                EpochToken = root.EpochToken,
                Activity = StageActivity.Finishing,
                Step = root.Steps,
                Steps = root.Steps,
                TrainLossNats = 1.5,
                At = time.GetUtcNow(),
            },
            Cancel
        );

        Assert.Equal(1.5, (await ReadAsync()).Progress[id].TrainLossNats);
        Assert.Equal(1.5, (await ReadAsync()).Progress[id].TrainLossNats);
    }

    [Fact]
    public async Task Glance_AtWhatIsRemembered_ReadsEachOfItAgainInTime()
    {
        await HaveAsync(2);
        await ReadAsync();
        await store.WriteAsync(RunPaths.Root(Run, new StageId(0, 0)), "damaged"u8.ToArray(), Cancel);

        var looks = 0;
        while ((await reader.GlanceAsync(Run, new HashSet<string> { Silo }, isStill: null, Cancel))!.Damage.Count == 0)
        {
            Assert.True(++looks < 40, "The damage was never seen.");
            time.Advance(TimeSpan.FromSeconds(5));
        }
    }

    [Fact]
    public async Task Glance_WhenAStageFinishes_SeesTheNextOneAtOnce()
    {
        await HaveAsync(2);
        await ReadAsync();
        await RootAsync(2, finished: true);
        await RootAsync(3, finished: false);

        var facts = (await reader.GlanceAsync(Run, new HashSet<string> { Silo }, isStill: null, Cancel))!;

        Assert.Equal(
            (StageState.Scoring, StageState.Training),
            (Readiness.StateOf(facts, new StageId(0, 2)), Readiness.StateOf(facts, new StageId(0, 3)))
        );
    }

    [Fact]
    public async Task Read_AfterAnOrder_HasIt()
    {
        await HaveAsync(2);
        await ReadAsync();
        var before = await OrderBell.ListenAsync(store, Cancel);
        await new RunDocuments(store, Run).ChangeIntentAsync(intent => intent.With(DesiredState.Paused, null), Cancel);

        Assert.NotEqual(before, await OrderBell.ListenAsync(store, Cancel));
        Assert.Equal(DesiredState.Paused, (await ReadAsync()).Intent.Run);
    }

    [Fact]
    public async Task Read_WhenTheRunWasDeletedAndMadeAnew_RemembersNothingOfTheOldOne()
    {
        await HaveAsync(2);
        await ReadAsync();
        await foreach (var entry in store.ListAsync(RunPaths.Run(Run), Cancel))
        {
            await store.TryDeleteAsync(entry.Name, cancellationToken: Cancel);
        }

        Assert.Null(await reader.ReadAsync(Run, new HashSet<string>(), Cancel));
        await new RunDocuments(store, Run).TryCreateSpecAsync(SpecReader.FromPreset("micro") with { Name = Run }, Cancel);
        Assert.Empty((await ReadAsync()).Roots);
    }

    [Fact]
    public async Task Glance_AtRootsThatAreKnownToBeStill_ReadsThemOnlyWhenTheyAreNot()
    {
        await HaveAsync(2);
        await ReadAsync();
        counting.Operations.Clear();
        var trains = new StageId(0, 2);
        StageRoot? asked = null;
        var age = TimeSpan.Zero;
        time.Advance(TimeSpan.FromSeconds(7));

        var still = (
            await reader.GlanceAsync(
                Run,
                new HashSet<string> { Silo },
                (id, root, since) =>
                {
                    (asked, age) = (id == trains ? root : asked, since);
                    return true;
                },
                Cancel
            )
        )!;

        Assert.Equal((1, TimeSpan.FromSeconds(7)), (asked!.EpochToken, age));
        Assert.Equal((Silo, 1), (still.RootOf(trains).Owner!.Silo, still.Progress[trains].Step));
        Assert.DoesNotContain(counting.Operations, operation => operation.EndsWith("root", StringComparison.Ordinal));
        await RootAsync(2, finished: true);
        Assert.True(
            (await reader.GlanceAsync(Run, new HashSet<string> { Silo }, (id, _, _) => id != trains, Cancel))!.RootOf(trains).Finished
        );
    }

    private async Task<RunFacts> ReadAsync() => (await reader.ReadAsync(Run, new HashSet<string> { Silo }, Cancel))!;

    /// <summary>A chain of which so many stages are done and mixed, and the next one trains.</summary>
    private async Task HaveAsync(int done)
    {
        var tokens = new ArrayTokenSet([256, 1, 2, 3], [0], [.. Enumerable.Repeat(1, 256), 0]);
        var sha256 = await new DataUpload(store).UploadAsync("bytes", tokens, null, tokens, "nothing", null, Cancel);
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256, Cancel);
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = Run, Set = [$"chains=[{{stages: {done + 2}}}]"] });
        await new RunDocuments(store, Run).TryCreateSpecAsync(
            spec with
            {
                Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } },
            },
            Cancel
        );
        var scores = new RunScores(store, Run);
        for (var i = 0; i < done; i++)
        {
            await RootAsync(i, finished: true);
            await scores.CreateAsync(
                new NewScore
                {
                    SnapshotSha256 = $"s{i}",
                    SetSha256 = manifest.Validation!.Sha256,
                    Rows = 16,
                    NumericsFingerprint = "f",
                    LossNats = 1.5,
                    BitsPerByte = 2.1,
                },
                new[] { 0.5f, 0.25f, 1f },
                Cancel
            );
        }

        await RootAsync(done, finished: false);
        var members = new RunPlan(spec.Recipe)
            .Members.Select(member => member.Id.Stage)
            .Where(stage => stage < done)
            .Select(stage => $"s{stage}")
            .ToList();
        await scores.TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = members,
                Running = [.. members.Select(_ => 1.5)],
                LossNats = 1.5,
                BitsPerByte = 2,
            },
            Cancel
        );
    }

    private async Task RootAsync(int stage, bool finished)
    {
        var name = RunPaths.Root(Run, new StageId(0, stage));
        var root = new StageRoot
        {
            EpochToken = 1,
            Steps = 8,
            Owner = finished ? null : new StageOwner(Silo, "silo", ["cpu:0"], DateTimeOffset.UnixEpoch),
            Snapshot = finished ? new SnapshotRef($"s{stage}", $"s{stage}", 8, DateTimeOffset.UnixEpoch) : null,
        };
        await store.WriteAsync(name, SealedJson.Serialize(name, root), Cancel);
        if (!finished)
        {
            await new RunDocuments(store, Run).WriteProgressAsync(
                new StageId(0, stage),
                new StageProgress
                {
                    Stage = $"chain0/stage{stage}",
                    EpochToken = 1,
                    Activity = StageActivity.Training,
                    Step = 1,
                    Steps = 8,
                    At = DateTimeOffset.UnixEpoch,
                },
                Cancel
            );
        }
    }

    private sealed class Counting(IObjectStore inner) : DelegatingStore(inner)
    {
        public List<string> Operations { get; } = [];

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            lock (Operations)
            {
                Operations.Add(operation.ToString());
            }

            return run();
        }
    }
}
