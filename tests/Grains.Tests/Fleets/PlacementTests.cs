using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>On which silo a grain is activated, and when it moves.</summary>
public sealed class PlacementTests
{
    private const string Run = "micro";
    private static readonly StageId First = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SiloGrain_CalledFromAnySiloWithoutAHint_IsOnTheSiloOfItsKey()
    {
        await using var fleet = await TestFleet.StartAsync(new MemoryStore(), 3, loops: false);

        for (var of = 0; of < 3; of++)
        {
            for (var from = 0; from < 3; from++)
            {
                var report = await fleet.The<IGrainFactory>(from).GetGrain<ISiloGrain>(fleet.Address(of)).Report();
                Assert.Equal(fleet.Address(of), report?.Silo);
                Assert.Equal(Environment.ProcessorCount, report?.Processors?.Count);
            }
        }
    }

    [Fact]
    public async Task Offer_OfAStageThatIsActiveElsewhereWithoutWork_IsTakenByTheSecondCall()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => spec with { Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 20_000 } } });
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);
        // Of slots that the silo does not have: the grain is active there, and nothing is under way.
        Assert.False((await fleet.TakeAsync(0, Run, First, fleet.Offer(0) with { Slots = ["cpu:7"] })).Taken);

        // At once, and with two calls at most: the second one waits for the move.
        Assert.True(await fleet.OfferAsync(1, Run, First));

        Assert.Equal(fleet.Address(1), (await run.FactsAsync()).RootOf(First).Owner!.Silo);
    }

    [Fact]
    public async Task StageGrain_OfAStageThatIsRefusedForItself_EndsItsActivation()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync();
        await run.Documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, Stop);
        await using var fleet = await TestFleet.StartAsync(run.Store, 2, loops: false);

        var first = await fleet.TakeAsync(0, Run, First, fleet.Offer(0));
        await fleet.ActivationOf(Run, First).Deactivated.WaitAsync(TimeSpan.FromMinutes(10), Stop);
        var second = await fleet.TakeAsync(1, Run, First, fleet.Offer(1));

        // Another silo's offer meets no activation that would have to move first.
        Assert.Equal((false, false), (first.Taken, first.Moving));
        Assert.Equal((false, false), (second.Taken, second.Moving));
    }
}
