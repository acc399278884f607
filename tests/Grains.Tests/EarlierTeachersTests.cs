using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Tests;

/// <summary>A chain in which the mean of all earlier models teaches: every one of them is needed until its last stage has
/// finished.</summary>
public sealed class EarlierTeachersTests : IDisposable
{
    private static readonly StageId Last = new(0, 2);

    private readonly StoreFile files = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => files.Dispose();

    [Fact]
    public async Task Run_StoppedAfterEveryStep_EndsWithTheSameBytesAndNamesItsTeachersInItsIdentity()
    {
        var calm = await CalmAsync();
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync(ByAllEarlier);
        var takes = 0;
        while (await run.StepAsync(_ => takes++, (runner, _) => runner.Stop(StopReason.Requested))) { }

        Assert.True(takes >= 8, $"Only {takes} takes: the run was hardly disturbed.");
        Assert.Equal(calm, await HashesAsync(run));
        var facts = await run.FactsAsync();
        var plan = facts.Plan[Last];
        var taught = plan.TaughtBy("micro", [.. plan.TeacherStages.Select(stage => facts.RootOf(stage).Snapshot!.Sha256)]);
        Assert.Equal(taught.TeacherEnsemble!.ContentSha256(), facts.RootOf(Last).Identity!.TeacherSha256);
    }

    /// <summary>Another teacher, other weights: the first stage alone, which both chains share, is the same.</summary>
    [Fact]
    public async Task Run_TaughtByTheOneBefore_EndsWithOtherBytesFromTheStageOnThatHasTwoTeachers()
    {
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync(spec => Chain(spec, teacher: null));

        var (other, all) = (await HashesAsync(run), await CalmAsync());

        Assert.Equal(other[0], all[0]);
        Assert.NotEqual(other[2], all[2]);
    }

    /// <summary>A clean-up in the midst of the last stage takes none of them away; one that is gone is asked for by name.</summary>
    [Fact]
    public async Task Run_WhenTheFirstOfItsTeachersIsDamaged_IsRefusedByNameAndGoesOnOnceItIsBack()
    {
        var calm = await CalmAsync();
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync(ByAllEarlier);
        while (!(await run.FactsAsync()).RootOf(new StageId(0, 1)).Finished)
        {
            Assert.True(await run.StepAsync());
        }

        StageId[] stages = [.. (await run.FactsAsync()).Plan.Stages.Select(stage => stage.Id)];
        await new CheckpointInventory(files.Store, "micro").CollectAsync(stages, null, 2, dryRun: false, Cancel);
        var name = (await run.FactsAsync()).RootOf(new StageId(0, 0)).Snapshot!.Name;
        var good = files.Read(name);
        files.Change(name, bytes => bytes[^1] ^= 1);

        var taken = await run.TakeAsync(Last);
        taken.Start();
        Assert.Equal(StopReason.Faulted, await taken.Completion);
        var (runner, reason) = await run.OfferAsync(Last, new SlotOffer(LocalRun.Silo, ["cpu:0"]));

        Assert.Null(runner);
        foreach (var told in new[] { reason, await run.StoryAsync() })
        {
            Assert.Contains("Member 1 of the 2 that teach, of run 'micro'", told, StringComparison.Ordinal);
            Assert.Contains(name, told, StringComparison.Ordinal);
        }

        files.PutBack(name, good);
        Assert.Equal(calm, await HashesAsync(run));
    }

    private static RunSpec ByAllEarlier(RunSpec spec) => Chain(spec, ChainTeacher.AllEarlier);

    private static RunSpec Chain(RunSpec spec, ChainTeacher? teacher) =>
        spec with
        {
            Recipe = spec.Recipe with
            {
                Chains = [new ChainRecipe { Stages = 3 }],
                // Output projections of 0 would have each model say the same for its first steps.
                Model = spec.Recipe.Model with
                {
                    Initialization = Initialization.NormalOutput,
                },
                Stage = spec.Recipe.Stage with { Distillation = new DistillationRecipe { Teacher = teacher } },
            },
        };

    private static async Task<string?[]> CalmAsync()
    {
        await using var calm = new LocalRun(new MemoryStore());
        await calm.SubmitAsync(ByAllEarlier);
        return await HashesAsync(calm);
    }

    private static async Task<string?[]> HashesAsync(LocalRun run)
    {
        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        return [.. status.Stages.Select(stage => stage.SnapshotSha256)];
    }
}
