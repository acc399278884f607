using System.Runtime.InteropServices;
using Slowrun.Clustering.Tests.Machines;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A CUDA driver that is played by a library, for which the host's memory is the device's: it copies when it is let, and waited
/// for.</summary>
internal static class PlayedDriver
{
    // Refuses wrong handles and flags, so that an argument in the wrong place shows; and copies to the device that do not wait for what it
    // computes.
    private const string Source = """
        #include <pthread.h>
        #include <string.h>
        static struct { void *to; const void *from; size_t length; } copies[1024];
        static int count, released, recorded, waited, held, refusing;
        static long uploads;
        static long pinned;
        static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
        static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
        int cuInit(unsigned flags) { return flags != 0; }
        int cuDeviceGet(int *device, int index) { *device = 70 + index; return 0; }
        int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void*)0x11; held += device == 73; return device != 73; }
        int cuDevicePrimaryCtxRelease_v2(int device) { held--; return device != 73; }
        int cuCtxSetCurrent(void *context) { return context != (void*)0x11; }
        int cuCtxSynchronize(void) { return 0; }
        int cuStreamCreate(void **stream, unsigned flags) { *stream = (void*)0x22; held++; return flags != 1; }
        int cuStreamDestroy_v2(void *stream) { held--; return stream != (void*)0x22; }
        int cuMemHostRegister_v2(void *start, size_t length, unsigned flags) { pinned += length; return start == 0 || flags != 1; }
        int cuMemHostUnregister(void *start) { pinned = 0; return 0; }
        int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t length, void *stream) {
            copies[count].to = to; copies[count].from = (void*)from; copies[count++].length = length; return stream != (void*)0x22; }
        int cuEventCreate(void **event, unsigned flags) {
            if (refusing) return 2;
            *event = (void*)0x33; held++; return flags != 2; }
        int cuEventDestroy_v2(void *event) { held--; return event != (void*)0x33; }
        int cuEventRecord(void *event, void *stream) { recorded = 1; return event != (void*)0x33 || stream != 0; }
        int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
            waited = recorded; recorded = 0; return stream != (void*)0x22 || event != (void*)0x33 || flags != 0; }
        int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t length, void *stream) {
            copies[count].to = (void*)to; copies[count].from = from; copies[count++].length = length; uploads++;
            return stream != (void*)0x22 || !waited; }
        int cuStreamSynchronize(void *stream) {
            pthread_mutex_lock(&gate);
            while (!released) pthread_cond_wait(&changed, &gate);
            pthread_mutex_unlock(&gate);
            for (int i = 0; i < count; i++) memcpy(copies[i].to, copies[i].from, copies[i].length);
            count = waited = 0; return stream != (void*)0x22; }
        void play_release(void) { pthread_mutex_lock(&gate); released = 1; pthread_cond_broadcast(&changed); pthread_mutex_unlock(&gate); }
        long play_refuse(void) { refusing = 1; return 0; }
        long play_held(void) { return held; }
        long play_pinned(void) { return pinned; }
        long play_uploads(void) { return uploads; }
        """;

    /// <summary>A library of its own in this folder; skips the test where there is no compiler.</summary>
    public static string Compiled(string folder)
    {
        var library = FakeLibrary.Compile(folder, "cuda", Source);
        Assert.SkipWhen(library is null, "gcc, which compiles the driver that is played, is not installed.");
        return library!;
    }

    /// <param name="function">Of those that begin with play_.</param>
    public static unsafe long Call(string library, string function) =>
        ((delegate* unmanaged<long>)NativeLibrary.GetExport(NativeLibrary.Load(library), function))();
}
