using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

public sealed class ResumeTests
{
    [Fact]
    public async Task Run_WhenUndisturbed_Succeeds()
    {
        var status = await CalmAsync();
        Assert.Equal(RunState.Succeeded, status.State);
        Assert.All(status.Stages, stage => Assert.Equal(StageState.Done, stage.State));
    }

    [Fact]
    public async Task Run_WhenStoppedAfterEveryStep_EndsWithTheSameSnapshots()
    {
        var calm = await CalmAsync();
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        var takes = 0;
        while (await run.StepAsync(_ => takes++, (runner, _) => runner.Stop(StopReason.Requested))) { }

        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        Assert.Equal(calm.Stages.Sum(stage => stage.Steps) + calm.Stages.Count, takes);
        Assert.Equal(Snapshots(calm), Snapshots(status));
    }

    [Fact]
    public async Task Take_WhenAnotherOwnerTrains_FencesItAndOnlyTheNewOneCommits()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        var stage = new StageId(0, 0);
        var old = await run.TakeAsync(stage);
        var young = await run.TakeAsync(stage);
        old.Start();
        Assert.Equal(StopReason.Fenced, await old.Completion);
        young.Start();
        Assert.True(await young.Completion == StopReason.Completed, await run.StoryAsync());

        var calm = await CalmAsync();
        Assert.Equal(Snapshots(calm), Snapshots(await run.FinishAsync()));
        Assert.Equal(1, (await run.FactsAsync()).RootOf(stage).Preemptions);
    }

    [Fact]
    public async Task Take_WhenAnotherTookTheStageSinceTheOfferWasMade_IsRefusedAndDisturbsNobody()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        var stage = new StageId(0, 0);
        var owner = await run.TakeAsync(stage);

        var (late, reason) = await run.OfferAsync(stage, new SlotOffer(LocalRun.Silo, ["cpu:0"], EpochToken: 0));

        Assert.Null(late);
        Assert.Contains("took the stage first", reason, StringComparison.Ordinal);
        owner.Start();
        Assert.True(await owner.Completion == StopReason.Completed, await run.StoryAsync());
        Assert.Equal(0, (await run.FactsAsync()).RootOf(stage).Preemptions);
    }

    private static async Task<RunStatus> CalmAsync()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        return await run.FinishAsync();
    }

    private static IEnumerable<string?> Snapshots(RunStatus status) => status.Stages.Select(stage => stage.SnapshotSha256);
}
