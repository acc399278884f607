using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>Who has a stage keeps it: offers, refusals, moves, robbery and fences among several silos.</summary>
public sealed class OwnershipTests
{
    private const string Run = "micro";
    private static readonly StageId Stage = new(0, 0);
    private static readonly string Work = WorkName.Train(Run, Stage);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Offer_OfAStageThatAnotherSiloTrains_IsRefusedAndItsGrainStaysWhereItIs()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Long);
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);
        Assert.True(await fleet.OfferAsync(0, Run, Stage));
        var activation = fleet.ActivationOf(Run, Stage);

        var answers = new List<TakeAnswer>();
        for (var offers = 0; offers < 5; offers++)
        {
            // As an offer of a silo that has seen the stage before it was taken, and of one that judges nothing.
            answers.Add(await fleet.TakeAsync(1, Run, Stage, fleet.Offer(1, epochToken: 0)));
            answers.Add(await fleet.TakeAsync(1, Run, Stage, fleet.Offer(1)));
        }

        Assert.All(answers, answer => Assert.Equal((false, false), (answer.Taken, answer.Moving)));
        Assert.Same(activation, fleet.ActivationOf(Run, Stage));
        Assert.False(activation.Deactivated.IsCompleted);
        Assert.True(fleet.The<LocalWork>(0).Has(Work));
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((1L, fleet.Address(0), 0), (root.EpochToken, root.Owner!.Silo, root.Preemptions));
    }

    [Fact]
    public async Task Offer_OfAStageThatItsOwnerHasLetGo_IsTakenWhileTheOwnerStillWritesBehind()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Long);
        using var slow = new HeldBack(run.Store, name => name.EndsWith("/root.copy", StringComparison.Ordinal));
        await using var fleet = await TestFleet.StartAsync(slow, 2, loops: false);
        // Before the fleet, which waits for it.
        using var released = slow;
        Assert.True(await fleet.OfferAsync(0, Run, Stage));
        await UntilAsync(run, facts => facts.RootOf(Stage).DurableStep > 0);
        var local = fleet.The<LocalWork>(0);
        slow.Holds = true;

        var stop = local.StopAsync(StopReason.Requested, deadline: null, Stop);
        await UntilAsync(run, _ => !local.IsHeld(Work));

        Assert.True(await fleet.OfferAsync(1, Run, Stage));
        Assert.True(local.Has(Work));
        Assert.False(stop.IsCompleted);
        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((2L, fleet.Address(1), 0, 0L), (root.EpochToken, root.Owner!.Silo, root.Preemptions, root.LostSteps));
        slow.Release();
        await stop;
        // What the owner before wrote behind has changed nothing.
        var after = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((2L, fleet.Address(1)), (after.EpochToken, after.Owner!.Silo));
        Assert.True(fleet.The<LocalWork>(1).IsHeld(Work));
    }

    [Fact]
    public async Task Offer_OfASiloToWhichTheGrainHasToMove_IsTakenThere()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Long);
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);
        // Activated by the first silo, where nothing is under way, and offered slots of the second.
        Assert.True((await fleet.TakeAsync(0, Run, Stage, fleet.Offer(1))).Moving);
        var activation = fleet.ActivationOf(Run, Stage);

        await activation.Deactivated.WaitAsync(Stop);
        Assert.True(await fleet.OfferAsync(1, Run, Stage));

        Assert.Equal(fleet.Address(1), (await run.FactsAsync()).RootOf(Stage).Owner!.Silo);
    }

    [Fact]
    public async Task Offer_ThatIsNotLetIn_LeavesNoActivationBehind()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        await using var fleet = await TestFleet.StartAsync(run.Store, 1, loops: false);

        Assert.False((await fleet.TakeAsync(0, Run, Stage, fleet.Offer(0) with { Slots = ["cpu:7"] })).Taken);

        await fleet.ActivationOf(Run, Stage).Deactivated.WaitAsync(TimeSpan.FromMinutes(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Offer_OfAStageWhoseOwnerLivesWithoutAnActivation_IsRefused()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Long);
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);
        Assert.True(await fleet.OfferAsync(0, Run, Stage));
        await fleet.DeactivateAsync(Run, Stage);

        var answer = await fleet.TakeAsync(1, Run, Stage, fleet.Offer(1));

        // By whichever silo the grain is activated on now.
        Assert.False(answer.Taken || answer.Moving, answer.Reason);
        Assert.Equal(1, (await run.FactsAsync()).RootOf(Stage).EpochToken);
    }

    [Fact]
    public async Task Owner_WhoseActivationEnds_TrainsOnToTheSameBytes()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => spec with { Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 60 } } });
        await using var calm = new LocalRun(new MemoryStore());
        await calm.SubmitAsync(spec => spec with { Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 60 } } });
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);
        Assert.True(await fleet.OfferAsync(0, Run, Stage));
        await UntilAsync(run, facts => facts.RootOf(Stage).DurableStep > 0);

        await fleet.DeactivateAsync(Run, Stage);
        var ended = (await run.FactsAsync()).RootOf(Stage);
        Assert.False(ended.Finished);
        await UntilAsync(run, facts => facts.RootOf(Stage).Finished || facts.RootOf(Stage).Owner is null);

        await calm.StepAsync();
        Assert.Equal((await calm.FactsAsync()).RootOf(Stage).Snapshot!.Sha256, (await run.FactsAsync()).RootOf(Stage).Snapshot?.Sha256);
        Assert.DoesNotContain("stage-error", await run.StoryAsync(), StringComparison.Ordinal);
        Assert.Equal(0, (await run.FactsAsync()).RootOf(Stage).Preemptions);
    }

    [Fact]
    public async Task Take_OfAStageWhoseOwnerIsCalledDeadButLives_FencesIt()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Long);
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);
        Assert.True(await fleet.OfferAsync(0, Run, Stage));
        await UntilAsync(run, facts => facts.RootOf(Stage).DurableStep > 0);

        await fleet.BuryAsync(0, seenBy: 1);
        await UntilAsync(run, async _ => await fleet.OfferAsync(1, Run, Stage));
        await UntilAsync(run, _ => !fleet.The<LocalWork>(0).Has(Work));

        var root = (await run.FactsAsync()).RootOf(Stage);
        Assert.Equal((2L, fleet.Address(1), 1), (root.EpochToken, root.Owner!.Silo, root.Preemptions));
        Assert.True(fleet.The<LocalWork>(1).Has(Work));
        Assert.DoesNotContain("stage-error", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Take_WritesTheMembershipVersionThatItsSiloHasSeen()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(Long);
        await using var fleet = await TestFleet.StartAsync(run.Store, 1, loops: false);

        Assert.True(await fleet.OfferAsync(0, Run, Stage));

        Assert.Equal(
            fleet.The<IClusterMembershipService>(0).CurrentSnapshot.Version.Value,
            (await run.FactsAsync()).RootOf(Stage).Owner!.MembershipVersion
        );
    }

    private static Core.Recipes.RunSpec Long(Core.Recipes.RunSpec spec) =>
        spec with
        {
            Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 20_000 } },
        };

    private static Task UntilAsync(LocalRun run, Func<RunFacts, bool> holds) => UntilAsync(run, facts => Task.FromResult(holds(facts)));

    private static Task UntilAsync(LocalRun run, Func<RunFacts, Task<bool>> holds) =>
        Until.HoldsAsync(async () => await holds(await run.FactsAsync()));
}
