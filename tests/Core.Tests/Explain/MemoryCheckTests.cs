using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Explain;

public sealed class MemoryCheckTests
{
    // As upstream has it: two rows.
    private static readonly RunSpec Large = SpecReader.FromPreset(
        "slowrun-10x",
        new SpecOverrides { Set = ["stage.deviceRows=2", "stage.lanes=8", "model.products=F32"] }
    );

    private static readonly SlotMemory Device = new("cuda:0", 80_000_000_000);

    [Fact]
    public void Of_ASpecThatDoesNotFit_NamesFiguresAndOptionsThatWereTried()
    {
        var shortage = MemoryCheck.Of(Large, null, Device)!;

        Assert.True(shortage.NeededBytes > Device.Bytes);
        Assert.NotEmpty(shortage.Options);
        Assert.All(
            shortage.Options,
            option =>
            {
                var changed = SpecReader.FromPreset(
                    "slowrun-10x",
                    new SpecOverrides { Set = ["stage.deviceRows=2", "stage.lanes=8", "model.products=F32", .. option.Set] }
                );
                Assert.Null(MemoryCheck.Of(changed, null, Device));
                Assert.Equal(
                    option.Bytes,
                    new RunPlan(changed.Recipe).Stages.Max(stage =>
                        StageMemory.Of(stage, new StageSteps(stage, changed.Recipe.Data.TrainTokens)).Device
                    )
                );
            }
        );
        Assert.Matches(
            @"^chain0/stage1 needs [\d.]+ GB on the device, cuda:0 has 80 GB: try --set stage\.recompute=true \([\d.]+ GB\) or --set stage\.deviceRows=1 \([\d.]+ GB\)",
            shortage.ToString()
        );
    }

    [Fact]
    public void Of_ASpecThatNeedsTwoChanges_NamesThemTogether()
    {
        var shortage = MemoryCheck.Of(Large, null, Device with { Bytes = 45_000_000_000 })!;

        Assert.NotEmpty(shortage.Options);
        Assert.All(shortage.Options, option => Assert.True(option.Set.Count > 1 && option.Bytes <= 45_000_000_000));
        Assert.Contains("--set stage.recompute=true --set ", shortage.ToString(), StringComparison.Ordinal);
    }

    /// <summary>A single lane has one gradient, but one device: proposed where nothing else is enough.</summary>
    [Fact]
    public void Of_ASpecThatFitsWithASingleLaneAlone_ProposesItLast()
    {
        var spec = SpecReader.FromPreset("slowrun-10x");
        var recomputed = MemoryCheck.Of(spec, null, Device with { Bytes = 60_000_000_000 })!;
        var least = recomputed.Options.Min(option => option.Bytes);

        Assert.All(recomputed.Options, option => Assert.DoesNotContain("stage.lanes=1", option.Set));
        Assert.Equal(
            ["stage.recompute=true", "stage.lanes=1"],
            Assert.Single(MemoryCheck.Of(spec, null, Device with { Bytes = least - 1 })!.Options).Set
        );
    }

    [Fact]
    public void Of_ASpecThatNothingMakesFit_SaysTheLeast()
    {
        var shortage = MemoryCheck.Of(Large, null, Device with { Bytes = 10_000_000_000 })!;

        Assert.Empty(shortage.Options);
        Assert.Equal(["stage.recompute=true", "model.products=BF16", "stage.deviceRows=1", "stage.lanes=1"], shortage.Least!.Set);
        Assert.EndsWith("; a smaller model, or a larger slot.", shortage.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_SeveralSlots_IsNullWhereOneIsLargeEnough()
    {
        SlotMemory[] slots = [Device, new("cuda:1", 250_000_000_000), new("cpu:0", 8_000_000_000)];

        Assert.Null(MemoryCheck.Of(Large, null, slots));
        Assert.Equal("cuda:0", MemoryCheck.Of(Large, null, [slots[0], slots[2]])!.Slot.Slot);
    }

    [Fact]
    public void Of_AProcessor_CountsTheHostsPart()
    {
        var spec = SpecReader.FromPreset("tiny");
        var memory = StageMemory.Of(
            new RunPlan(spec.Recipe).Stages[1],
            new StageSteps(new RunPlan(spec.Recipe).Stages[1], spec.Recipe.Data.TrainTokens)
        );

        Assert.Null(MemoryCheck.Of(spec, null, new SlotMemory("cpu:0", memory.Total)));
        Assert.Contains(
            "of memory, the machine of cpu:0 has",
            MemoryCheck.Of(spec, null, new SlotMemory("cpu:0", memory.Total - 1))!.ToString(),
            StringComparison.Ordinal
        );
    }

    /// <summary>Processors share the memory, and each takes its part: what two have no room for, one may have.</summary>
    [Fact]
    public void Of_SeveralProcessors_CountsThemAndSaysHowManyHaveRoom()
    {
        var spec = SpecReader.FromPreset(
            "tiny",
            new SpecOverrides { Set = ["stage.lanes=4", "stage.batchTokens=4096", "stage.deviceRows=1"] }
        );
        var stage = new RunPlan(spec.Recipe).Stages[0];
        var steps = new StageSteps(stage, spec.Recipe.Data.TrainTokens);
        var memory = StageMemory.Of(stage, steps);
        MemoryShortage? With(int workers, long bytes) =>
            MemoryCheck.Of(
                spec,
                stage,
                steps,
                spec.Recipe.Data.TrainTokens,
                new SlotMemory("cpu:0", bytes) { Free = true, Workers = workers }
            );

        Assert.Null(With(4, memory.OnProcessors(4)));
        Assert.Equal((2, memory.OnProcessors(2)), With(4, memory.OnProcessors(4) - 1)!.FewerWorkers);
        Assert.Equal((1, memory.OnProcessors(1)), With(4, memory.OnProcessors(2) - 1)!.FewerWorkers);
        Assert.Null(With(4, memory.OnProcessors(1) - 1)!.FewerWorkers);
        Assert.Matches(
            @"needs [\d.]+ MB of memory for 4 processors, the machine of cpu:0 has [\d.]+ MB free: a silo with --slots cpu:2 has room \([\d.]+ MB\)",
            With(4, memory.OnProcessors(4) - 1)!.ToString()
        );
    }

    [Fact]
    public void Of_OneStage_LooksAtNoOther()
    {
        var first = new RunPlan(Large.Recipe).Stages[0];
        var steps = new StageSteps(first, Large.Recipe.Data.TrainTokens);
        var needed = StageMemory.Of(first, steps).Device;

        Assert.Null(MemoryCheck.Of(Large, first, steps, Large.Recipe.Data.TrainTokens, new SlotMemory("cuda:0", needed)));
        Assert.Equal(
            ("chain0/stage0", needed),
            MemoryCheck.Of(Large, first, steps, Large.Recipe.Data.TrainTokens, new SlotMemory("cuda:0", needed - 1)) is { } lacking
                ? (lacking.Stage, lacking.NeededBytes)
                : default
        );
    }
}
