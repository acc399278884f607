using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Captures beside the computing, through a driver that is played (<see cref="PlayedDriver"/>).</summary>
public sealed class DeviceCopiesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("slowrun-driver-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task BeginCapture_WhileTheNextStepComputes_HasTheStateOfBeforeIt()
    {
        var driver = Compiled();
        using var undisturbed = StageTraining.Begin(SmallStage.Inputs(), ComputeDevices.SingleCpu);
        undisturbed.RunStep(CancellationToken.None);
        var before = SmallStage.Captured(undisturbed);
        undisturbed.RunStep(CancellationToken.None);
        var after = SmallStage.Captured(undisturbed);

        using var training = StageTraining.Begin(SmallStage.Inputs(), ComputeDevices.SingleCpu);
        training.CaptureBy(_ => DeviceCopies.Open(3, driver));
        using var buffer = training.NewBuffer();
        training.RunStep(CancellationToken.None);
        var reached = new TaskCompletionSource();
        var captured = training.BeginCapture(
            buffer,
            copied =>
            {
                reached.SetResult();
                copied.Wait();
            }
        );
        var step = Task.Run(() => training.RunStep(CancellationToken.None), TestContext.Current.CancellationToken);

        try
        {
            // The gradient is there, and the update waits.
            await Task.WhenAny(reached.Task, step);
            Assert.Equal((1, false, false), (training.Step, captured.IsCompleted, step.IsCompleted));
        }
        finally
        {
            Call(driver, "play_release");
        }

        Assert.True((await step).Completed);
        await captured;

        SmallStage.AssertSame(before, buffer.Tensors);
        Assert.Equal(2, training.Step);
        training.Capture(buffer);
        SmallStage.AssertSame(after, buffer.Tensors);
    }

    [Fact]
    public void NewBuffer_BesideADevice_IsPinnedUntilItIsDisposed()
    {
        var driver = Compiled();
        using var training = StageTraining.Begin(SmallStage.Inputs(), ComputeDevices.SingleCpu);
        training.CaptureBy(_ => DeviceCopies.Open(3, driver));

        using (var buffer = training.NewBuffer())
        {
            Assert.Equal((long)buffer.Memory.Length, Call(driver, "play_pinned"));
        }

        Assert.Equal(0, Call(driver, "play_pinned"));
    }

    [Fact]
    public void Open_OfADeviceThatTheDriverRefuses_NamesTheCall()
    {
        var driver = Compiled();

        Assert.Contains(
            "cuDevicePrimaryCtxRetain failed with code 1",
            Assert.Throws<InvalidOperationException>(() => DeviceCopies.Open(4, driver)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'libslowrun-none.so' cannot be loaded",
            Assert.Throws<InvalidOperationException>(() => DeviceCopies.Open(0, "libslowrun-none.so")).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Open_WhereTheDriverRefusesLater_GivesBackWhatWasMade()
    {
        var driver = Compiled();
        DeviceCopies.Open(3, driver).Dispose();
        Call(driver, "play_refuse");

        Assert.Contains(
            "cuEventCreate failed with code 2",
            Assert.Throws<InvalidOperationException>(() => DeviceCopies.Open(3, driver)).Message,
            StringComparison.Ordinal
        );

        Assert.Equal(0, Call(driver, "play_held"));
    }

    [Fact]
    public void StateBuffer_OfMoreThanOnePiece_IsAllZeros()
    {
        using var buffer = new StateBuffer(
            [new TensorLayout("large", ElementType.U8, [150_000_001]), new TensorLayout("small", ElementType.I64, [1])]
        );

        Assert.Equal(-1, buffer.Span(0).IndexOfAnyExcept((byte)0));
        Assert.Equal(8, buffer.Span(1).Length);
    }

    private string Compiled() => PlayedDriver.Compiled(folder);

    private static long Call(string library, string function) => PlayedDriver.Call(library, function);
}
