using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Runs;

public sealed class RunRemovalTests
{
    private const string Run = "gone";

    private readonly IObjectStore store = new MemoryStore();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Delete_OfARun_LeavesNothingOfItAndAllOfOthers()
    {
        await HaveAsync(Run);
        await HaveAsync($"{Run}-not");
        var other = await NamesAsync($"runs/{Run}-not/");

        await DeleteAsync(store);

        Assert.Empty(await NamesAsync($"runs/{Run}/"));
        Assert.Equal(other, await NamesAsync($"runs/{Run}-not/"));
        Assert.Equal([$"{Run}-not"], await RunDocuments.ListRunsAsync(store, Stop).ToListAsync(Stop));
        Assert.Null(await new RunFactsReader(store).ReadAsync(Run, new HashSet<string>(), Stop));
    }

    [Fact]
    public async Task Delete_ThatBreaksOffAnywhere_LeavesARunThatNoSiloTakesAndIsFinishedByAnother()
    {
        var deletions = await CountAsync();
        Assert.True(deletions > 8, $"{deletions} objects are too few to tell.");
        for (var after = 0; after < deletions; after++)
        {
            IObjectStore broken = new MemoryStore();
            await HaveAsync(Run, broken);
            await Assert.ThrowsAsync<IOException>(() => DeleteAsync(new BreakingStore(broken, after)));

            if (await new RunFactsReader(broken).ReadAsync(Run, new HashSet<string>(), Stop) is { } left)
            {
                Assert.Equal(DesiredState.Cancelled, left.Intent.Run);
                // What a silo does about what it finds damaged must not bring the run back to life.
                await new RunRepair(broken, TimeProvider.System).MendAsync(left, cancellationToken: Stop);
                await new RunRepair(broken, TimeProvider.System).CopyAsync(Run, Stop);
                var mended = await new RunFactsReader(broken).ReadAsync(Run, new HashSet<string>(), Stop);
                Assert.Equal(DesiredState.Cancelled, mended!.Intent.Run);
            }

            await DeleteAsync(broken);
            Assert.Empty(await broken.ListNamesAsync($"runs/{Run}/", Stop).ToListAsync(Stop));
        }
    }

    [Fact]
    public async Task Delete_WhileASiloPutsTheSpecBack_DeletesItAgain()
    {
        await HaveAsync(Run);
        var restoring = new RestoringStore(store, times: 1);

        await DeleteAsync(restoring);

        Assert.Equal(1, restoring.Restored);
        Assert.Empty(await NamesAsync($"runs/{Run}/"));
    }

    [Fact]
    public async Task Delete_WhenASiloGoesOnWriting_SaysSoAndLeavesTheOrder()
    {
        await HaveAsync(Run);

        var error = await Assert.ThrowsAsync<NotPossibleException>(() => DeleteAsync(new RestoringStore(store, times: int.MaxValue)));

        Assert.Contains("come back while they are deleted", error.Message, StringComparison.Ordinal);
        Assert.Equal(DesiredState.Cancelled, (await new RunDocuments(store, Run).ReadIntentAsync(Stop)).Run);
    }

    private static async Task DeleteAsync(IObjectStore from)
    {
        var removal = new RunRemoval(from, Run);
        await removal.CancelAsync(Stop);
        await removal.DeleteAsync(cancellationToken: Stop);
    }

    private static async Task<int> CountAsync()
    {
        IObjectStore counted = new MemoryStore();
        await HaveAsync(Run, counted);
        var deletions = 0;
        var removal = new RunRemoval(counted, Run);
        await removal.CancelAsync(Stop);
        await removal.DeleteAsync(_ => deletions++, Stop);
        return deletions;
    }

    private Task HaveAsync(string run) => HaveAsync(run, store);

    private static async Task HaveAsync(string run, IObjectStore into)
    {
        var documents = new RunDocuments(into, run);
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = run });
        Assert.True(await documents.TryCreateSpecAsync(spec, Stop));
        await documents.ChangeOperationsAsync(spec.Operations, operations => operations with { Priority = 1 }, Stop);
        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Paused, null), Stop);
        foreach (var stage in new RunPlan(spec.Recipe).Stages.Select(stage => stage.Id))
        {
            await into.WriteAsync(RunPaths.Root(run, stage), CanonicalJson.Serialize(new StageRoot { Steps = 8 }), Stop);
            await into.WriteAsync(RunPaths.Checkpoint(run, stage, 1, 8) + "manifest", "m"u8.ToArray(), Stop);
        }

        await into.WriteAsync(RunPaths.Snapshot(run, "abc"), "s"u8.ToArray(), Stop);
    }

    private Task<List<string>> NamesAsync(string prefix) => store.ListNamesAsync(prefix, Stop).ToListAsync(Stop).AsTask();

    /// <summary>Ends after so many deletions, as a process does that is killed.</summary>
    private sealed class BreakingStore(IObjectStore inner, int after) : DelegatingStore(inner)
    {
        private int deletions;

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) =>
            operation.Kind != "delete" || deletions++ < after ? run() : throw new IOException("The process was killed here.");
    }

    /// <summary>A silo that read the spec's copy before it was deleted, and writes the spec again.</summary>
    private sealed class RestoringStore(IObjectStore inner, int times) : DelegatingStore(inner)
    {
        public int Restored { get; private set; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (operation.Kind != "delete" || operation.Name != RunPaths.Spec(Run) || Restored >= times)
            {
                return await run();
            }

            var content = (await Inner.TryReadAsync(operation.Name, operation.Cancellation))!.Content;
            var done = await run();
            Restored++;
            await Inner.WriteAsync(operation.Name, content, operation.Cancellation);
            return done;
        }
    }
}
