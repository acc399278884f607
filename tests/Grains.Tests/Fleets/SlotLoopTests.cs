using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>Silos that look for work themselves: who takes what, what a user's order does, and who goes on when one leaves.</summary>
public sealed class SlotLoopTests
{
    private static readonly StageId First = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_OfTwoSilosOfWhichTheOwnerLeaves_EndsWithTheBytesOfACalmRunAndNoLoss()
    {
        await using var calm = new LocalRun(new MemoryStore());
        await calm.SubmitAsync(spec => Epochs(spec, 40));
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => Epochs(spec, 40));
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: true);
        await UntilAsync(run, facts => facts.RootOf(First).DurableStep > 0);
        var owner = (await run.FactsAsync()).RootOf(First).Owner;

        await fleet.LeaveAsync(owner?.Silo == fleet.Address(0) ? 0 : 1);
        await UntilAsync(run, facts => Readiness.StateOf(facts) == RunState.Succeeded);

        var facts = await run.FactsAsync();
        Assert.Equal(Snapshots(await calm.FinishAsync()), facts.Plan.Stages.Select(stage => facts.RootOf(stage.Id).Snapshot?.Sha256));
        Assert.All(facts.Roots.Values, root => Assert.Equal((0, 0L), (root.Preemptions, root.LostSteps)));
        Assert.DoesNotContain("stage-error", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stages_OfSilosThatTrainOneAtATime_HaveAllSlotsOfOneSiloEach()
    {
        string[] slots = ["cpu:0", "cpu:1"];
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => TwoChains(Epochs(spec, 20_000)));
        // The first one is alone for a while: it could take both, a slot each.
        await using var fleet = await TestFleet.StartAsync(run.Store, 1, loops: true, lends: new(slots, Stages: 1));
        await UntilAsync(run, facts => facts.Roots.Values.Any(root => root.DurableStep > 0));
        Assert.Single((await run.FactsAsync()).Roots.Values, root => root.Owner is not null);

        await fleet.AddAsync(run.Store, loops: true, lends: new(slots, Stages: 1));
        await UntilAsync(run, facts => facts.Roots.Values.Count(root => root.Owner is not null) == 2);

        var owners = (await run.FactsAsync()).Roots.Values.Select(root => root.Owner!).ToList();
        Assert.Equal(2, owners.Select(owner => owner.Silo).Distinct().Count());
        Assert.All(owners, owner => Assert.Equal(slots, owner.Slots));
    }

    [Fact]
    public async Task Work_OfTwoRunsForOneSlot_IsThatOfTheHigherPriority()
    {
        var store = new MemoryStore();
        await using var low = new LocalRun(store, "a-low");
        await low.SubmitAsync(spec => Epochs(spec, 20_000));
        await using var high = new LocalRun(store, "z-high");
        await high.SubmitAsync(spec => Epochs(spec, 20_000) with { Operations = spec.Operations with { Priority = 1 } });
        await using var fleet = await TestFleet.StartAsync(store, 1, loops: true);

        await UntilAsync(high, facts => facts.RootOf(First).EpochToken > 0);

        Assert.Equal(0, (await low.FactsAsync()).RootOf(First).EpochToken);
    }

    [Fact]
    public async Task Pause_ThroughTheRunGrain_HoldsTheOwner_AndAResumeLetsItGoOn()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => Epochs(spec, 20_000));
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: true);
        var grain = fleet.The<IGrainFactory>(1).GetGrain<IRunGrain>("micro");
        await UntilAsync(run, facts => facts.RootOf(First).DurableStep > 0);

        await run.Documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Stop);
        await grain.Poke();
        await UntilAsync(run, facts => facts.RootOf(First) is { Owner: null, ReleasedFor: ReleaseCause.Held });
        Assert.Equal(RunState.Paused, (await grain.GetStatus())!.State);
        var held = (await run.FactsAsync()).RootOf(First).DurableStep;

        await run.Documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Running }, Stop);
        await grain.Poke();
        await UntilAsync(run, facts => facts.RootOf(First).DurableStep > held);
    }

    private static RunSpec Epochs(RunSpec spec, int epochs) =>
        spec with
        {
            Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = epochs } },
        };

    private static RunSpec TwoChains(RunSpec spec) =>
        spec with
        {
            Recipe = spec.Recipe with { Chains = [.. Enumerable.Repeat(new ChainRecipe { Stages = 1 }, 2)] },
        };

    private static IEnumerable<string?> Snapshots(RunStatus status) => status.Stages.Select(stage => stage.SnapshotSha256);

    private static Task UntilAsync(LocalRun run, Func<RunFacts, bool> holds) => Until.HoldsAsync(async () => holds(await run.FactsAsync()));
}
