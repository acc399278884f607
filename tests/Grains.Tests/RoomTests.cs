using Slowrun.Clustering.Machines;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

public sealed class RoomTests
{
    private static readonly SlotOffer Offer = new(LocalRun.Silo, ["cpu:0"]);

    [Fact]
    public async Task Take_WithoutRoom_IsRefusedInWordsOnceAndCostsTheStageNothing()
    {
        // Free memory differs at each look; the event must not come again for that.
        var free = 1_000_000;
        await using var run = new LocalRun(new MemoryStore())
        {
            Sensors = new SlotSensors(null, () => new MachineMemory(2_000_000, free += 100_000)),
        };
        await run.SubmitAsync();

        var (first, second) = (await run.OfferAsync(new StageId(0, 0), Offer), await run.OfferAsync(new StageId(0, 0), Offer));

        Assert.Null(first.Runner);
        Assert.Null(second.Runner);
        Assert.Matches(
            @"^test does not take it: chain0/stage0 needs [\d.]+ MB of memory, the machine of cpu:0 has 1\.1 MB free: .*start the run under another name\.$",
            first.Reason
        );
        Assert.Single(
            (await run.StoryAsync()).Split('\n'),
            line => line.StartsWith("take-refused chain0/stage0:", StringComparison.Ordinal)
        );
        Assert.Equal(
            (0, 0),
            ((await run.FactsAsync()).RootOf(new StageId(0, 0)) is var root ? (root.EpochToken, root.FailedTakes) : default)
        );
        Assert.True(run.Sensors.IsTooLarge(WorkName.Train("micro", new StageId(0, 0))));
    }

    /// <summary>Two slots of one machine share its memory.</summary>
    [Fact]
    public void Take_OfSeveralProcessors_CountsThemAll()
    {
        var spec = SpecReader.FromPreset("demo");
        var plan = new RunPlan(spec.Recipe)[new StageId(0, 0)];
        var memory = StageMemory.Of(plan, new StageSteps(plan, spec.Recipe.Data.TrainTokens));
        var sensors = new SlotSensors(null, () => new MachineMemory(1L << 40, memory.OnProcessors(2) - 1));

        Assert.True(memory.OnProcessors(2) > memory.OnProcessors(1));
        Assert.Null(sensors.Lacking(spec, plan, spec.Recipe.Data.TrainTokens, ["cpu:0"], "work"));
        Assert.Equal(
            memory.OnProcessors(2),
            sensors.Lacking(spec, plan, spec.Recipe.Data.TrainTokens, ["cpu:0", "cpu:1"], "work")?.NeededBytes
        );
    }

    [Fact]
    public async Task Take_WhereOthersUseTheMemoryNow_IsRefusedButMayFitLater()
    {
        long free = 1_000_000;
        await using var run = new LocalRun(new MemoryStore()) { Sensors = new SlotSensors(null, () => new MachineMemory(1L << 40, free)) };
        await run.SubmitAsync();

        Assert.Null((await run.OfferAsync(new StageId(0, 0), Offer)).Runner);
        Assert.False(run.Sensors.IsTooLarge(WorkName.Train("micro", new StageId(0, 0))));
        free = 1L << 39;
        Assert.NotNull((await run.OfferAsync(new StageId(0, 0), Offer)).Runner);
    }
}
