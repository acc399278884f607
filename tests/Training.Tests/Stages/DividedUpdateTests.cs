using Slowrun.Core.Explain;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
using Slowrun.Training.Devices;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Kernels.Cuda;
using TorchSharp;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Devices that divide the optimizer among them, played by processors with memory of their own: the bytes of one, a part of its
/// work and of its moments each.</summary>
public sealed class DividedUpdateTests
{
    // Of 30,000 numbers: several blocks of the gradient's norm.
    private static readonly ModelRecipe Model = SmallStage.Model with { Layers = 4 };

    private static readonly StageRecipe Stage = SmallStage.Recipe with
    {
        Lanes = 8,
        BatchTokens = 8 * 16,
        DeviceRows = 1,
        Loop = null,
        ClipNorm = 0.05,
        Optimizer = SmallStage.Recipe.Optimizer with { RowNormalization = true },
    };

    [Theory]
    [InlineData("fused", 2)]
    [InlineData("fused", 4)]
    [InlineData("fused", 8)]
    [InlineData("composed", 2)]
    [InlineData("composed", 4)]
    [InlineData("composed", 8)]
    [InlineData("kernels", 2)]
    [InlineData("kernels", 8)]
    public void RunStep_OnDevicesThatDivideTheUpdate_GivesTheBytesLossesAndNormsOfOne(string path, int devices)
    {
        Assert.SkipWhen(path == "kernels" && PlayedCuda.Path is null, "g++, which compiles the kernels for a processor, is not installed.");
        using var one = Begun(Path(path), 1, replicate: false);
        using var several = Begun(Path(path), devices);

        for (var step = 0; step < 3; step++)
        {
            var expected = one.RunStep(CancellationToken.None);
            Assert.Equal(expected, several.RunStep(CancellationToken.None));
            Assert.True(expected.GradientNorm > Stage.ClipNorm, "The gradient was to be clipped.");
            SmallStage.AssertSame(SmallStage.Captured(one), SmallStage.Captured(several));
        }

        Assert.Equal(devices, several.Divided.Count);
    }

    /// <summary>A checkpoint knows nothing of devices.</summary>
    [Theory]
    [InlineData(4, 1, 2)]
    [InlineData(1, 8, 4)]
    public void Resume_WithAnotherNumberOfDevices_EndsWithTheBytesOfOne(int first, int second, int third)
    {
        using var calm = Begun(null, 1, replicate: false);
        using var begun = Begun(null, first);
        Assert.Equal(calm.StateLayout.Select(Text), begun.StateLayout.Select(Text));

        var state = SmallStage.Run(begun, until: 2);
        using var resumed = Resumed(second, state);
        state = SmallStage.Run(resumed, until: 3);
        using var again = Resumed(third, state);

        SmallStage.AssertSame(SmallStage.Run(calm), SmallStage.Run(again));

        static string Text(TensorLayout layout) => $"{layout.Name} {layout.Type} {string.Join('x', layout.Shape)}";
    }

    /// <summary>Devices join and leave: moments go to where they are needed, and none is lost.</summary>
    [Fact]
    public void Use_OfOtherDevicesAfterEachStep_ChangesNoByteAndDividesAnew()
    {
        using var calm = Begun(null, 1, replicate: false);
        using var changing = Begun(null, 1);
        foreach (var devices in (int[])[2, 8, 4, 1, 4, 2])
        {
            calm.RunStep(CancellationToken.None);
            changing.RunStep(CancellationToken.None);

            Assert.Equal(devices, changing.Use(SmallStage.Cpus(devices)));

            Assert.Equal(devices, changing.Divided.Count);
            SmallStage.AssertSame(SmallStage.Captured(calm), SmallStage.Captured(changing));
        }

        SmallStage.AssertSame(SmallStage.Run(calm), SmallStage.Run(changing));
        SmallStage.AssertSame(
            calm.Snapshot(TestContext.Current.CancellationToken),
            changing.Snapshot(TestContext.Current.CancellationToken)
        );
    }

    /// <summary>A device that cannot take its part leaves the stage with the devices of before, and with the very moments that they
    /// had: others would need memory that the join did not.</summary>
    /// <param name="fails">Its kernels are asked for by the new four workers and then by their four updates.</param>
    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void Use_OfADeviceThatCannotTakeItsPart_GoesOnWithThoseOfBefore(int fails)
    {
        Assert.SkipWhen(PlayedCuda.Path is null, "g++, which compiles the kernels for a processor, is not installed.");
        var asked = 0;
        var failsAt = int.MaxValue;
        CudaKernels Of(torch.Device device) =>
            ++asked == failsAt ? throw new InvalidOperationException("No memory is left.") : PlayedCuda.Kernels(rounded: false);
        using var calm = Begun(StepPath.Kernels, 1, replicate: false);
        using var training = StageTraining.Begin(
            SmallStage.Inputs(Stage, Model),
            SmallStage.Cpus(2),
            replicate: true,
            StepPath.Kernels,
            Of,
            stackNumbers: 1
        );
        SmallStage.Run(training, until: 1);
        var divided = training.Divided;
        failsAt = asked + fails;

        Assert.Equal(2, training.Use(SmallStage.Cpus(4)));

        Assert.True(asked > failsAt);
        Assert.All(divided, part => Assert.True(part.Work > 0));
        Assert.Equal(divided, training.Divided);
        SmallStage.AssertSame(SmallStage.Run(calm), SmallStage.Run(training));
    }

    /// <summary>A device whose memory cannot be copied from could train, but never be captured.</summary>
    [Fact]
    public void Use_OfADeviceThatCannotBeCapturedFrom_GoesOnWithThoseOfBefore()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-driver-").FullName;
        try
        {
            var driver = PlayedDriver.Compiled(folder);
            using var calm = Begun(null, 1, replicate: false);
            using var training = Begun(null, 2);
            training.CaptureBy(worker => DeviceCopies.Open(worker < 3 ? 3 : 4, driver));
            PlayedDriver.Call(driver, "play_release");
            using var buffer = training.NewBuffer();
            var held = PlayedDriver.Call(driver, "play_held");
            SmallStage.Run(training, until: 1);

            Assert.Equal(2, training.Use(SmallStage.Cpus(4)));

            Assert.Equal((2, held), (training.Divided.Count, PlayedDriver.Call(driver, "play_held")));
            SmallStage.Run(training);
            training.Capture(buffer);
            SmallStage.AssertSame(SmallStage.Run(calm), buffer.Tensors);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What was done is counted, not computed. Work falls with the number of devices as far as there are matrices.</summary>
    [Theory]
    [InlineData(2, 0.52)]
    [InlineData(4, 0.28)]
    [InlineData(8, 0.17)]
    public void RunStep_OfTheBusiestOfSeveralDevices_UpdatesItsShareOnly(int devices, double most)
    {
        using var one = Begun(null, 1, replicate: false);
        using var several = Begun(null, devices);
        SmallStage.Run(one, until: 2);
        SmallStage.Run(several, until: 2);

        var (whole, moments) = Assert.Single(one.Divided);
        Assert.True(whole > 0);
        Assert.Equal((whole, moments), (several.Divided.Sum(part => part.Work), several.Divided.Sum(part => part.MomentNumbers)));
        Assert.InRange(several.Divided.Max(part => part.Work), whole / devices, most * whole);
        Assert.True(several.Divided.Max(part => part.MomentNumbers) < 1.5 * most * moments);
    }

    /// <summary>What is written of memory is what devices hold.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Moments_OfTheDevices_AreAsEstimated(int devices)
    {
        using var training = StageTraining.Begin(SmallStage.Inputs(Stage, Model), SmallStage.Cpus(devices), replicate: true);
        var table = ParameterTable.Of(Model);
        var groups = ParameterGroups.Of(table, Stage.Optimizer);
        var layout = ParameterGroups.Layout(table, groups);
        var shards = OptimizerShard.Of(groups, UpdateUnits.Of(groups, layout), devices);
        var estimate = ShardBytes.Of(groups, layout);

        Assert.Equal(shards.Select(shard => shard.MomentNumbers), training.Divided.Select(part => part.MomentNumbers));
        var largest = shards.Zip(training.Divided, (shard, held) => sizeof(float) * (held.MomentNumbers + shard.Cover.Length)).Max();
        Assert.Equal(
            devices switch
            {
                2 => estimate.OfTwo,
                4 => estimate.OfFour,
                _ => estimate.OfEight,
            },
            largest
        );
    }

    /// <summary>Stacks that are updated at once leave more devices than there are updates.</summary>
    [Fact]
    public void RunStep_OnMoreDevicesThanUpdates_GivesTheBytesOfOne()
    {
        var inputs = SmallStage.Inputs(Stage with { Lanes = 16, BatchTokens = 16 * 16 }, SmallStage.Model);
        using var one = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        using var several = StageTraining.Begin(inputs, SmallStage.Cpus(16), replicate: true);

        SmallStage.AssertSame(SmallStage.Run(one, until: 2), SmallStage.Run(several, until: 2));
        Assert.Contains(several.Divided, part => part is { Work: 0, MomentNumbers: 0 });
    }

    [Fact]
    public void Capture_OfWhatLiesOnSeveralDevices_IsOneDevices()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-driver-").FullName;
        try
        {
            var driver = PlayedDriver.Compiled(folder);
            using var one = Begun(null, 1, replicate: false);
            using var several = Begun(null, 4);
            several.CaptureBy(_ => DeviceCopies.Open(3, driver));
            PlayedDriver.Call(driver, "play_release");
            using var buffer = several.NewBuffer();
            foreach (var devices in (int[])[4, 2])
            {
                one.RunStep(CancellationToken.None);
                several.RunStep(CancellationToken.None);
                several.Use(SmallStage.Cpus(devices));

                several.Capture(buffer);

                SmallStage.AssertSame(SmallStage.Captured(one), buffer.Tensors);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static StageTraining Begun(StepPath? path, int devices, bool replicate = true) =>
        StageTraining.Begin(
            SmallStage.Inputs(Stage, Model),
            SmallStage.Cpus(devices),
            replicate,
            path,
            _ => PlayedCuda.Kernels(rounded: false),
            // Each matrix by itself.
            stackNumbers: 1
        );

    private static StageTraining Resumed(int devices, IReadOnlyList<TensorData> state) =>
        StageTraining.Resume(
            SmallStage.Inputs(Stage, Model),
            SmallStage.Cpus(devices),
            state,
            path: null,
            replicate: devices > 1,
            stackNumbers: 1
        );

    private static StepPath? Path(string name) =>
        name switch
        {
            "fused" => StepPath.Fused,
            "composed" => StepPath.Composed,
            _ => StepPath.Kernels,
        };
}
