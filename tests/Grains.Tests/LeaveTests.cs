using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests;

/// <summary>An owner that is told when its machine goes away.</summary>
public sealed class LeaveTests
{
    private static readonly StageId Stage = new(0, 0);

    [Fact]
    public async Task Stop_WithTimeForACheckpoint_LosesNothing()
    {
        await using var run = new LocalRun(new MemoryStore());
        var (root, step) = await LeaveAsync(run, run.Store, TimeSpan.FromMinutes(5));

        Assert.Equal(step, root.DurableStep);
        Assert.Equal(0, root.LostSteps);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    [InlineData(-30)]
    public async Task Stop_WithoutTimeForACheckpoint_ReleasesAtOnceAndTellsWhatIsLost(int seconds)
    {
        await using var run = new LocalRun(new MemoryStore());
        var (root, step) = await LeaveAsync(run, run.Store, TimeSpan.FromSeconds(seconds));

        Assert.Equal(0, root.DurableStep);
        Assert.Equal(step, root.LostSteps);
        Assert.Contains($"{step} steps after it are lost", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_WhenTheLastCheckpointDoesNotEndInTime_GivesItUpAndReleases()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        var (root, step) = await LeaveAsync(run, new EndlessUploads(store), TimeSpan.FromSeconds(2.2));

        Assert.Equal(0, root.DurableStep);
        Assert.Equal(step, root.LostSteps);
    }

    [Fact]
    public async Task Stop_WhenACheckpointBehindTheTrainingDoesNotEndInTime_GivesItUpAndReleases()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        var uploads = new EndlessUploads(store);
        await SubmitAsync(run, everySteps: 1);
        var runner = await run.TakeAsync(Stage, uploads);
        runner.Start();
        await uploads.Begun.WaitAsync(TestContext.Current.CancellationToken);

        runner.Stop(StopReason.Eviction, TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(2.2));

        Assert.Equal(StopReason.Eviction, await runner.Completion);
        Assert.Null((await run.FactsAsync()).RootOf(Stage).Owner);
    }

    [Fact]
    public async Task Stop_WhenANoticeComesWhileItStopsAnyway_KeepsTheNoticesDeadline()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        var uploads = new EndlessUploads(store);
        await SubmitAsync(run, everySteps: null);
        var runner = await run.TakeAsync(Stage, uploads);
        runner.Start();
        await runner.FirstStep;
        runner.Stop(StopReason.Requested);
        await uploads.Begun.WaitAsync(TestContext.Current.CancellationToken);

        runner.Stop(StopReason.Eviction, TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(1));

        Assert.Equal(StopReason.Requested, await runner.Completion);
        Assert.Null((await run.FactsAsync()).RootOf(Stage).Owner);
    }

    [Fact]
    public async Task Stop_WhenStepsWereDoneSinceTheLastCommit_CommitsAndReleasesInOneWriteOfTheRoot()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        var roots = new RootWrites(store);
        var (root, step) = await LeaveAsync(run, roots, TimeSpan.FromMinutes(5));

        Assert.Equal((step, null), (root.DurableStep, root.Owner));
        // The take, and the end.
        Assert.Equal(2, roots.Count);
    }

    [Fact]
    public async Task Stop_OnceTheRootSaysSo_LetsTheStageGo_AndWritesTheRestBehind()
    {
        var store = new MemoryStore();
        await using var run = new LocalRun(store);
        using var slow = new HeldBack(store, name => name.EndsWith("/root.copy", StringComparison.Ordinal));
        await SubmitAsync(run, everySteps: null);
        var runner = await run.TakeAsync(Stage, slow);
        slow.Holds = true;
        runner.Start();
        await runner.FirstStep;

        runner.Stop(StopReason.Requested);

        Assert.True(await runner.LetGo);
        var released = (await run.FactsAsync()).RootOf(Stage);
        Assert.Null(released.Owner);
        Assert.Equal(released.Revision, runner.Progress.RootRevision);
        Assert.False(runner.Completion.IsCompleted);
        slow.Release();
        Assert.Equal(StopReason.Requested, await runner.Completion);
        Assert.Contains("left it", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LetGo_OfARunnerThatIsFenced_SaysThatNothingWasLetGo()
    {
        await using var run = new LocalRun(new MemoryStore());
        await SubmitAsync(run, everySteps: null);
        var runner = await run.TakeAsync(Stage);
        runner.Start();
        await runner.FirstStep;

        runner.Stop(StopReason.Fenced);

        Assert.False(await runner.LetGo);
        Assert.Equal(StopReason.Fenced, await runner.Completion);
    }

    private static Task SubmitAsync(LocalRun run, int? everySteps) =>
        run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 5000 } },
                Operations = spec.Operations with
                {
                    CheckpointAtLeastEvery = TimeSpan.FromHours(1),
                    CheckpointAtMostEvery = TimeSpan.FromHours(1),
                    CheckpointEverySteps = everySteps,
                },
            }
        );

    /// <summary>Trains a step or more, then leaves.</summary>
    /// <returns>What the root is then, and how many steps were completed.</returns>
    private static async Task<(StageRoot Root, int Step)> LeaveAsync(LocalRun run, IObjectStore through, TimeSpan left)
    {
        await SubmitAsync(run, everySteps: null);
        var runner = await run.TakeAsync(Stage, through);
        runner.Start();
        await runner.FirstStep;
        runner.Stop(StopReason.Eviction, TimeProvider.System.GetUtcNow() + left);

        Assert.Equal(StopReason.Eviction, await runner.Completion);
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Null(root.Owner);
        Assert.True(runner.Progress.Step > 0);
        return (root, runner.Progress.Step);
    }

    /// <summary>Counts the writes of stage roots.</summary>
    private sealed class RootWrites(IObjectStore inner) : DelegatingStore(inner)
    {
        private int count;

        public int Count => count;

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (operation.Kind is "create" or "replace" && operation.Name.EndsWith("/root", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref count);
            }

            return run();
        }
    }

    /// <summary>Checkpoint parts go on being uploaded until that is given up; everything else works.</summary>
    private sealed class EndlessUploads(IObjectStore inner) : DelegatingStore(inner)
    {
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Begun => begun.Task;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (
                operation.Kind == "create"
                && operation.Name.Contains("/stage0/", StringComparison.Ordinal)
                && !operation.Name.Contains("/root", StringComparison.Ordinal)
            )
            {
                begun.TrySetResult();
                await Task.Delay(Timeout.Infinite, operation.Cancellation);
            }

            return await run();
        }
    }
}
