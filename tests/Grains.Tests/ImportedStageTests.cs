using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests;

/// <summary>Chains whose first models were trained elsewhere: here, by a run of its own.</summary>
public sealed class ImportedStageTests : IDisposable
{
    private static readonly StageId First = new(0, 0);
    private static readonly StageId Second = new(0, 1);

    private readonly StoreFile files = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => files.Dispose();

    [Fact]
    public async Task Run_OfImportedModels_JudgesThemAsTheRunDidThatTrainedThem()
    {
        var trained = await TrainedAsync();
        await using var run = new LocalRun(files.Store, "theirs");
        await ImportAsync(run, [new ChainRecipe { Imported = [trained.RootOf(First).Snapshot!.Sha256] }, Chain(trained, Second)]);

        var status = await run.FinishAsync();

        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        var facts = await run.FactsAsync();
        Assert.Equal(trained.RootOf(First).Snapshot!.Sha256, facts.RootOf(First).Snapshot!.Sha256);
        Assert.Equal(
            [trained.ScoreOf(First)!.LossNats, trained.ScoreOf(Second)!.LossNats],
            [facts.ScoreOf(First)!.LossNats, facts.ScoreOf(new StageId(1, 0))!.LossNats]
        );
        Assert.Equal(trained.EnsembleOf(trained.ScoredMembers)!.LossNats, facts.EnsembleOf(facts.ScoredMembers)!.LossNats);
        Assert.Null(await new CurveReader(files.Store, "theirs").TryReadAsync(First, Cancel));
        Assert.Empty(await DamagesAsync(facts.Spec));
    }

    /// <summary>A stage's bytes depend on its teacher's, and not on where that was trained.</summary>
    [Fact]
    public async Task Chain_WhoseFirstModelIsImported_TrainsTheNextToTheBytesOfTheWholeChain()
    {
        var trained = await TrainedAsync();
        await using var run = new LocalRun(files.Store, "theirs");
        await ImportAsync(run, [new ChainRecipe { Stages = 2, Imported = [trained.RootOf(First).Snapshot!.Sha256] }]);

        while (await run.StepAsync(afterStep: (runner, step) => runner.Stop(step == 3 ? StopReason.Requested : StopReason.Held))) { }

        var facts = await run.FactsAsync();
        Assert.Equal(RunState.Succeeded, Readiness.StateOf(facts));
        Assert.Equal(trained.RootOf(Second).Snapshot!.Sha256, facts.RootOf(Second).Snapshot!.Sha256);
    }

    [Fact]
    public async Task Stage_WhoseWeightsAreDamaged_IsRefusedByNameAndGoesOnOnceTheyAreWhole()
    {
        var trained = await TrainedAsync();
        await using var run = new LocalRun(files.Store, "theirs");
        await ImportAsync(run, [Chain(trained, First)]);
        var name = RunPaths.Snapshot("theirs", trained.RootOf(First).Snapshot!.Sha256);
        var good = files.Read(name);
        files.Change(name, bytes => bytes[^1] ^= 1);

        var taken = await run.TakeAsync(First);
        taken.Start();
        Assert.Equal(StopReason.Faulted, await taken.Completion);
        var (runner, reason) = await run.OfferAsync(First, new SlotOffer(LocalRun.Silo, ["cpu:0"]));

        Assert.Null(runner);
        Assert.Contains(name, reason, StringComparison.Ordinal);
        files.PutBack(name, good);
        Assert.Equal(RunState.Succeeded, (await run.FinishAsync()).State);
    }

    [Fact]
    public async Task CleanUp_BeforeAnImportedStageIsTaken_LeavesItsWeights()
    {
        var trained = await TrainedAsync();
        await using var run = new LocalRun(files.Store, "theirs");
        await ImportAsync(run, [Chain(trained, First)]);

        await new CheckpointInventory(files.Store, "theirs").CollectAsync([First], null, 2, dryRun: false, Cancel);

        Assert.Equal(RunState.Succeeded, (await run.FinishAsync()).State);
    }

    [Fact]
    public async Task Spec_ThatNamesWeightsOfNoRun_IsRefusedWithTheirHash()
    {
        var trained = await TrainedAsync();
        var nobodys = new string('a', 64);

        var refused = await Assert.ThrowsAsync<InvalidRequestException>(() =>
            new ImportedSnapshots(files.Store).EnsureAsync(Imported(trained.Spec, [new ChainRecipe { Imported = [nobodys] }]), Cancel)
        );

        Assert.Contains(nobodys, refused.Message, StringComparison.Ordinal);
        Assert.Contains("slowrun import FILE", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spec_OfAnotherModelThanTheWeights_IsRefusedWithTheDifference()
    {
        var trained = await TrainedAsync();
        var spec = Imported(trained.Spec, [Chain(trained, First)]);
        spec = spec with { Recipe = spec.Recipe with { Model = spec.Recipe.Model with { Layers = 4 } } };

        var refused = await Assert.ThrowsAsync<InvalidRequestException>(() => new ImportedSnapshots(files.Store).EnsureAsync(spec, Cancel));

        Assert.Contains("tensors that the recipe's model has are missing", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A damaged copy is no copy: the next run that has the weights is asked.</summary>
    [Fact]
    public async Task Weights_DamagedInOneRun_AreTakenFromAnother()
    {
        var trained = await TrainedAsync();
        var sha256 = trained.RootOf(First).Snapshot!.Sha256;
        await new ImportedSnapshots(files.Store).EnsureAsync(Imported(trained.Spec, [Chain(trained, First)]) with { Name = "zz" }, Cancel);
        files.Change(RunPaths.Snapshot("micro", sha256), bytes => bytes[^1] ^= 1);

        await new ImportedSnapshots(files.Store).EnsureAsync(Imported(trained.Spec, [Chain(trained, First)]), Cancel);

        await new SnapshotStore(files.Store, "theirs", TimeProvider.System).VerifyAsync(sha256, Cancel);
    }

    private async Task<RunFacts> TrainedAsync()
    {
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync();
        Assert.Equal(RunState.Succeeded, (await run.FinishAsync()).State);
        return await run.FactsAsync();
    }

    private async Task ImportAsync(LocalRun run, IReadOnlyList<ChainRecipe> chains)
    {
        await run.SubmitAsync(spec => Imported(spec, chains));
        await new ImportedSnapshots(files.Store).EnsureAsync((await run.FactsAsync()).Spec, Cancel);
    }

    private static ChainRecipe Chain(RunFacts trained, StageId stage) => new() { Imported = [trained.RootOf(stage).Snapshot!.Sha256] };

    private static RunSpec Imported(RunSpec spec, IReadOnlyList<ChainRecipe> chains) =>
        spec with
        {
            Name = "theirs",
            Recipe = spec.Recipe with { Chains = chains },
        };

    private async Task<IReadOnlyList<string>> DamagesAsync(RunSpec spec) =>
        await new RunVerification(files.Store, spec)
            .VerifyAsync(null, cancellationToken: Cancel)
            .Where(one => one.Damage is not null)
            .Select(one => $"{one.Name}: {one.Damage}")
            .ToListAsync(Cancel);
}
