using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Explain;

public sealed class StageMemoryTests
{
    private const long GiB = 1L << 30;

    public static TheoryData<string> Presets => [.. PresetFiles.Names];

    [Theory]
    [MemberData(nameof(Presets))]
    public void Device_OfEveryPreset_FitsOneOfEightyGigabytes(string preset)
    {
        // 80 GB devices report 79.2 to 79.6 GiB.
        var spec = SpecReader.FromPreset(preset);

        foreach (var memory in Memories(spec))
        {
            Assert.InRange(memory.Device, 1, 76 * GiB);
        }

        Assert.Null(MemoryCheck.Of(spec, null, new SlotMemory("cuda:0", 76 * GiB)));
    }

    [Theory]
    [InlineData("slowrun-10x", 16)]
    [InlineData("slowrun-record10", 16)]
    [InlineData("slowrun-record11", 16)]
    [InlineData("slowrun-snapshots", 16)]
    [InlineData("slowrun-1h", 32)]
    [InlineData("slowrun-2h", 32)]
    [InlineData("slowrun-universal", 32)]
    [InlineData("slowrun-15m", 256)]
    public void Rows_OfAMicroStep_AreUpstreams(string preset, int rows)
    {
        var stage = SpecReader.FromPreset(preset).Recipe.Stage;

        Assert.Equal(rows, stage.DeviceRows * stage.Lanes);
    }

    [Fact]
    public void Device_OfAStage_IsApartFromTheHost()
    {
        var memory = Memories(SpecReader.FromPreset("slowrun-10x"))[1];

        Assert.Equal(memory.Averages + memory.CheckpointCopy, memory.Host);
        Assert.Equal(
            memory.Weights + memory.Moments + memory.Gradients + memory.Teacher + memory.Activations + memory.Workspace,
            memory.Device
        );
        Assert.Equal(memory.Device - memory.Workspace + memory.Host, memory.Total);
        Assert.Equal((memory.Device, memory.Total), (memory.On(new SlotMemory("cuda:3", 1)), memory.On(new SlotMemory("cpu:0", 1))));
        Assert.InRange(
            memory.CheckpointCopy,
            memory.Weights + memory.Moments + memory.Averages,
            memory.Weights + memory.Moments + memory.Averages + 100_000
        );
    }

    /// <summary>Each has all weights and one gradient, and its part of moments and sum: about an N-th.</summary>
    [Theory]
    [InlineData("slowrun-10x", 8)]
    [InlineData("slowrun-snapshots", 8)]
    [InlineData("slowrun-1h", 8)]
    [InlineData("slowrun-15m", 8)]
    [InlineData("slowrun-10x", 2)]
    public void EachOf_SeveralDevices_HasItsPartOfMomentsAndSum(string preset, int lanes)
    {
        var memory = Memories(SpecReader.FromPreset(preset, new SpecOverrides { Set = [$"stage.lanes={lanes}"] }))[0];
        var rest = memory.Device - memory.Moments - memory.Weights;
        var before = memory.Device;
        foreach (var devices in new[] { 2, 4, 8 }.Where(devices => devices <= lanes))
        {
            var each = memory.EachOf(devices);
            Assert.InRange(each - rest, (memory.Moments + memory.Weights) / devices, 2.1 * (memory.Moments + memory.Weights) / devices);
            Assert.True(each < before, $"{devices} devices need {each} bytes each, fewer of them {before}.");
            before = each;
        }

        Assert.Equal((memory.Device, memory.EachOf(2), memory.EachOf(2)), (memory.EachOf(1), memory.EachOf(3), memory.FurtherDevice));
        Assert.Equal(before, memory.EachOf(16));
    }

    /// <summary>Four lanes: one worker has the sum and a buffer, four workers have a buffer each, one of them the sum.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(4, 4)]
    [InlineData(8, 4)]
    public void OnProcessors_OfSeveral_CountsWhatEachHasForItself(int workers, int buffers)
    {
        var memory = Memories(Tiny("stage.lanes=4", "stage.batchTokens=4096", "stage.deviceRows=1"))[0];

        Assert.Equal(
            memory.Weights
                + memory.Moments
                + memory.Averages
                + memory.CheckpointCopy
                + (buffers * memory.Weights)
                + (Math.Min(workers, 4) * memory.ActivationsOnProcessor),
            memory.OnProcessors(workers)
        );
    }

    /// <summary>An ensemble is each worker's own; beside a device the next model lies there, and on its way on the host.</summary>
    [Fact]
    public void Memory_OfAnEnsembleThatTeaches_HasTheNextModelBesideADeviceAlone()
    {
        var spec = Tiny("stage.lanes=4", "stage.batchTokens=4096", "stage.deviceRows=1");
        var plan = new RunPlan(spec.Recipe).Stages[1];
        StageMemory Of(MatrixPrecision products, params double[] weights) =>
            StageMemory.Of(
                plan with
                {
                    TeacherEnsemble = new TeacherRecipe
                    {
                        Run = "teacher",
                        Model = plan.Model with { Products = products },
                        Members = [.. weights.Select(weight => new TeacherMemberRecipe { Sha256 = new string('a', 64), Weight = weight })],
                    },
                },
                new StageSteps(plan, spec.Recipe.Data.TrainTokens)
            );
        var (one, two, rounded) = (Of(MatrixPrecision.F32, 1), Of(MatrixPrecision.F32, 0.5, 0.5), Of(MatrixPrecision.BF16, 0.5, 0.5));

        Assert.Equal((0, one.Weights, one.Weights / 2), (one.Ahead, two.Ahead, rounded.Ahead));
        Assert.Equal((one.Device + two.Ahead, one.Host + two.Ahead, one.Total), (two.Device, two.Host, two.Total));
        Assert.Equal(two.OnProcessors(2) - two.OnProcessors(1), two.ActivationsOnProcessor + two.Teacher + two.Weights);
        Assert.Equal(two.Teacher - (two.Weights / 2), rounded.Teacher);
    }

    /// <summary>Models that take turns in one room, as another run's ensemble: from the second on no more memory, but work.</summary>
    [Fact]
    public void Memory_OfAStageThatAllEarlierTeach_IsThatOfAnEnsembleOfThem()
    {
        var spec = Tiny("chains=[{stages: 4}]", "stage.distillation.teacher=AllEarlier");
        var stages = new RunPlan(spec.Recipe).Stages;
        var hashes = Enumerable.Repeat(new string('a', 64), 3).ToList();
        var steps = new StageSteps(stages[3], spec.Recipe.Data.TrainTokens);
        var memories = Memories(spec);
        var flops = stages.Select(stage => StageFlops.Of(stage, steps).Teacher).ToList();

        Assert.Equal(StageMemory.Of(stages[3].TaughtBy("tiny", hashes), steps), memories[3]);
        Assert.Equal(
            (0L, 0L, memories[1].Weights, memories[1].Weights),
            (memories[0].Ahead, memories[1].Ahead, memories[2].Ahead, memories[3].Ahead)
        );
        Assert.Equal((0L, true), (memories[0].Teacher, memories[1].Teacher > memories[1].Weights));
        Assert.Equal([0, flops[1], 2 * flops[1], 3 * flops[1]], flops);
        Assert.Equal(flops[3], StageFlops.Of(stages[3].TaughtBy("tiny", hashes), steps).Teacher);
        Assert.Null(MemoryCheck.Of(spec, null, new SlotMemory("cuda:0", memories[3].Device)));
        Assert.NotNull(MemoryCheck.Of(spec, null, new SlotMemory("cuda:0", memories[3].Device - 1)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(16, 2)]
    public void Gradients_OfSoManyLanes_AreAtMostTwoBuffers(int lanes, int buffers)
    {
        var memory = Memories(Tiny($"stage.lanes={lanes}", "stage.batchTokens=4096", "stage.deviceRows=1"))[0];

        Assert.Equal(buffers * memory.Weights, memory.Gradients);
    }

    [Fact]
    public void Teacher_OfRoundedProducts_IsHalfAsLarge()
    {
        // At few rows the rounded copies of the weights outweigh what rounding saves.
        var (exact, rounded) = (Memories(TenTimes("model.products=F32"))[1], Memories(TenTimes("model.products=BF16"))[1]);

        Assert.Equal(exact.Teacher / 2, rounded.Teacher);
        Assert.True(rounded.Activations < exact.Activations);
    }

    [Fact]
    public void Activations_Recomputed_AreAFractionOfThoseKept()
    {
        var (kept, again) = (
            Memories(SpecReader.FromPreset("slowrun-15m", new() { Set = ["stage.deviceRows=32", "stage.lanes=8"] }))[0],
            Memories(
                SpecReader.FromPreset("slowrun-15m", new() { Set = ["stage.deviceRows=32", "stage.lanes=8", "stage.recompute=true"] })
            )[0]
        );

        Assert.InRange(again.Activations, kept.Activations / 10, kept.Activations / 3);
        Assert.Equal(kept with { Activations = again.Activations, ActivationsOnProcessor = again.ActivationsOnProcessor }, again);
    }

    [Fact]
    public void Activations_OfARecurrence_AreThoseOfTheLastPass() =>
        Assert.Equal(
            Memories(Tiny("stage.loop=null", "stage.recurrence=null"))[0].Activations,
            Memories(Tiny("stage.loop=null", "stage.recurrence={passes: 3, fromFraction: 0}"))[0].Activations
        );

    /// <summary>A processor's own kernels keep less than autograd, where they have all of a stage's options.</summary>
    [Theory]
    [InlineData("model.keyOffset=false", true)]
    [InlineData("model.keyOffset=true", false)]
    public void ActivationsOnProcessor_OfAStage_AreFewerWhereItsOwnKernelsCoverIt(string set, bool fewer)
    {
        var memory = Memories(Tiny(set, "stage.deviceRows=8", "stage.batchTokens=4096"))[0];

        Assert.Equal(fewer, memory.ActivationsOnProcessor < memory.Activations);
        Assert.Equal(fewer, memory.Total < memory.Device - memory.Workspace + memory.Host);
    }

    private static RunSpec TenTimes(string products) =>
        SpecReader.FromPreset("slowrun-10x", new SpecOverrides { Set = ["stage.deviceRows=8", "stage.lanes=2", products] });

    private static RunSpec Tiny(params string[] set) => SpecReader.FromPreset("tiny", new SpecOverrides { Set = set });

    private static List<StageMemory> Memories(RunSpec spec) =>
        [
            .. new RunPlan(spec.Recipe)
                .Stages.Take(12)
                .Select(stage => StageMemory.Of(stage, new StageSteps(stage, spec.Recipe.Data.TrainTokens))),
        ];
}
