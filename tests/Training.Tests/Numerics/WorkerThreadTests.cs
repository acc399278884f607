using System.Globalization;
using Slowrun.Training.Devices;
using Slowrun.Training.Fingerprinting;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Numerics;

public sealed class WorkerThreadTests
{
    [Fact]
    public async Task RunAsync_OfABody_RunsItNicelyOnOneIntraOpThread()
    {
        var (threads, niceness) = (0, "");
        await WorkerThread.RunAsync(
            "test",
            () =>
            {
                threads = get_num_threads();
                // Fields after the name in parentheses: nice is the 17th of them (man 5 proc).
                var stat = File.ReadAllText("/proc/thread-self/stat");
                niceness = stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[16];
            }
        );

        Assert.Equal(1, threads);
        Assert.True(int.Parse(niceness, CultureInfo.InvariantCulture) >= 10, $"nice {niceness}");
    }

    [Fact]
    public async Task RunAsync_OfABodyThatThrows_ThrowsWhereItIsAwaited()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() => WorkerThread.RunAsync("test", () => throw new InvalidDataException("x")));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            WorkerThread.RunAsync("test", () => throw new OperationCanceledException("x"))
        );
    }

    [Fact]
    public async Task RunStep_OnAThreadWithSeveralIntraOpThreads_RefusesToGoOn()
    {
        await WorkerThread.RunAsync(
            "test",
            () =>
            {
                using var training = StageTraining.Begin(Stages.SmallStage.Inputs(), ComputeDevices.SingleCpu);
                set_num_threads(2);
                Assert.Throws<InvalidOperationException>(() => training.RunStep(CancellationToken.None));
                set_num_threads(1);
            }
        );
    }

    [Fact]
    public void Of_AskedTwiceAndForOtherCores_GivesOneFingerprint()
    {
        var first = NumericsFingerprint.Of("cpu:0");

        Assert.Matches("^[0-9a-f]{64}$", first);
        Assert.Equal(first, NumericsFingerprint.Of("cpu:1"));
        Assert.Throws<ArgumentException>(() => NumericsFingerprint.Of("gpu"));
    }
}
