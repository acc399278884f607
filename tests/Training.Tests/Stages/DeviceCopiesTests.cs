using System.Runtime.InteropServices;
using Slowrun.Clustering.Tests.Machines;
using Slowrun.Core.Tensors;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Captures beside the computing, through a driver that is played by a library of this test: it copies when it is let.</summary>
public sealed class DeviceCopiesTests : IDisposable
{
    // Refuses wrong handles and flags, so that an argument in the wrong place shows.
    private const string Driver = """
        #include <pthread.h>
        #include <string.h>
        static struct { void *to; const void *from; size_t length; } copies[1024];
        static int count, released;
        static long pinned;
        static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
        static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
        int cuInit(unsigned flags) { return flags != 0; }
        int cuDeviceGet(int *device, int index) { *device = 70 + index; return 0; }
        int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void*)0x11; return device != 73; }
        int cuDevicePrimaryCtxRelease_v2(int device) { return device != 73; }
        int cuCtxSetCurrent(void *context) { return context != (void*)0x11; }
        int cuCtxSynchronize(void) { return 0; }
        int cuStreamCreate(void **stream, unsigned flags) { *stream = (void*)0x22; return flags != 1; }
        int cuStreamDestroy_v2(void *stream) { return stream != (void*)0x22; }
        int cuMemHostRegister_v2(void *start, size_t length, unsigned flags) { pinned += length; return start == 0 || flags != 1; }
        int cuMemHostUnregister(void *start) { pinned = 0; return 0; }
        int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t length, void *stream) {
            copies[count].to = to; copies[count].from = (void*)from; copies[count++].length = length; return stream != (void*)0x22; }
        int cuStreamSynchronize(void *stream) {
            pthread_mutex_lock(&gate);
            while (!released) pthread_cond_wait(&changed, &gate);
            pthread_mutex_unlock(&gate);
            for (int i = 0; i < count; i++) memcpy(copies[i].to, copies[i].from, copies[i].length);
            count = 0; return stream != (void*)0x22; }
        void play_release(void) { pthread_mutex_lock(&gate); released = 1; pthread_cond_broadcast(&changed); pthread_mutex_unlock(&gate); }
        long play_pinned(void) { return pinned; }
        """;

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
        training.CaptureBy(DeviceCopies.Open(3, driver));
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
        training.CaptureBy(DeviceCopies.Open(3, driver));

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
    public void StateBuffer_OfMoreThanOnePiece_IsAllZeros()
    {
        using var buffer = new StateBuffer(
            [new TensorLayout("large", ElementType.U8, [150_000_001]), new TensorLayout("small", ElementType.I64, [1])]
        );

        Assert.Equal(-1, buffer.Span(0).IndexOfAnyExcept((byte)0));
        Assert.Equal(8, buffer.Span(1).Length);
    }

    private string Compiled()
    {
        var library = FakeLibrary.Compile(folder, "cuda", Driver);
        Assert.SkipWhen(library is null, "gcc, which compiles the driver that is played, is not installed.");
        return library!;
    }

    private static unsafe long Call(string library, string function) =>
        ((delegate* unmanaged<long>)NativeLibrary.GetExport(NativeLibrary.Load(library), function))();
}
