using System.Runtime.InteropServices;
using Slowrun.Core.Tensors;

namespace Slowrun.Training.Copies;

/// <summary>
/// Copies between one CUDA device and the host on a stream of their own, beside what the device computes. TorchSharp has no streams, so
/// that the driver's own functions are called, in the context that libtorch uses too. Copies are given and waited for on one thread at a
/// time.
/// </summary>
internal sealed unsafe class DeviceCopies : IDisposable
{
    // CU_STREAM_NON_BLOCKING: else it would wait for the default stream, on which libtorch computes.
    private const uint NonBlocking = 1;

    // CU_EVENT_DISABLE_TIMING: the time is not needed.
    private const uint WithoutTime = 2;

    // CU_STREAM_LEGACY by its other name: the default stream, on which libtorch computes.
    private const nint DefaultStream = 0;

    // CU_MEMHOSTREGISTER_PORTABLE: pinned for every device's context.
    private const uint Portable = 1;

    private readonly nint library;
    private readonly int device;
    private readonly nint context;
    private readonly nint stream;
    private readonly nint computed;

    private DeviceCopies(nint library, int index)
    {
        this.library = library;
        int found;
        nint primary,
            made,
            marker;
        Check("cuInit", ((delegate* unmanaged<uint, int>)Function("cuInit"))(0));
        Check("cuDeviceGet", ((delegate* unmanaged<int*, int, int>)Function("cuDeviceGet"))(&found, index));
        device = found;
        Check("cuDevicePrimaryCtxRetain", ((delegate* unmanaged<nint*, int, int>)Function("cuDevicePrimaryCtxRetain"))(&primary, device));
        context = primary;
        try
        {
            Enter();
            Check("cuStreamCreate", ((delegate* unmanaged<nint*, uint, int>)Function("cuStreamCreate"))(&made, NonBlocking));
            stream = made;
            Check("cuEventCreate", ((delegate* unmanaged<nint*, uint, int>)Function("cuEventCreate"))(&marker, WithoutTime));
            computed = marker;
        }
        catch
        {
            // The stage goes on without this device.
            Free();
            throw;
        }
    }

    /// <param name="index">CUDA's number of the device.</param>
    /// <exception cref="InvalidOperationException">The driver is not there or refuses; which call, and its code.</exception>
    public static DeviceCopies Open(int index, string path = "libcuda.so.1") =>
        NativeLibrary.TryLoad(path, out var library)
            ? new DeviceCopies(library, index)
            : throw new InvalidOperationException($"CUDA device {index} is in use, but its driver's library '{path}' cannot be loaded.");

    /// <summary>Pins a buffer's memory until the buffer is disposed: a copy into other memory is staged by the driver, and waited
    /// for.</summary>
    public void Pin(StateBuffer buffer)
    {
        var (start, length) = buffer.Memory;
        Enter();
        Check(
            "cuMemHostRegister",
            ((delegate* unmanaged<nint, nuint, uint, int>)Function("cuMemHostRegister_v2"))(start, length, Portable)
        );
        buffer.Freeing = () =>
        {
            Enter();
            _ = ((delegate* unmanaged<nint, int>)Function("cuMemHostUnregister"))(start);
        };
    }

    /// <summary>Waits until the device has done all operations given to it so far, on any stream.</summary>
    public void Settle()
    {
        Enter();
        Check("cuCtxSynchronize", ((delegate* unmanaged<int>)Function("cuCtxSynchronize"))());
    }

    /// <summary>Begins a copy; the memory at both ends must stay as it is until <see cref="Wait"/>.</summary>
    /// <param name="from">On the device.</param>
    public void Begin(nint from, Span<byte> into)
    {
        Enter();
        fixed (byte* to = into)
        {
            Check(
                "cuMemcpyDtoHAsync",
                ((delegate* unmanaged<byte*, nint, nuint, nint, int>)Function("cuMemcpyDtoHAsync_v2"))(to, from, (nuint)into.Length, stream)
            );
        }
    }

    /// <summary>Copies that are begun from now on wait on the device until it has computed what it was given so far. The caller does not
    /// wait.</summary>
    public void AfterComputing()
    {
        Enter();
        Check("cuEventRecord", ((delegate* unmanaged<nint, nint, int>)Function("cuEventRecord"))(computed, DefaultStream));
        Check("cuStreamWaitEvent", ((delegate* unmanaged<nint, nint, uint, int>)Function("cuStreamWaitEvent"))(stream, computed, 0));
    }

    /// <summary>Begins a copy to the device; the memory at both ends must stay as it is until <see cref="Wait"/>.</summary>
    /// <param name="into">On the device.</param>
    public void Begin(ReadOnlySpan<byte> from, nint into)
    {
        Enter();
        fixed (byte* start = from)
        {
            Check(
                "cuMemcpyHtoDAsync",
                ((delegate* unmanaged<nint, byte*, nuint, nint, int>)Function("cuMemcpyHtoDAsync_v2"))(
                    into,
                    start,
                    (nuint)from.Length,
                    stream
                )
            );
        }
    }

    /// <summary>Returns when all copies are done.</summary>
    public void Wait()
    {
        Enter();
        Check("cuStreamSynchronize", ((delegate* unmanaged<nint, int>)Function("cuStreamSynchronize"))(stream));
    }

    public void Dispose()
    {
        Enter();
        Free();
    }

    private void Free()
    {
        if (computed != 0)
        {
            _ = ((delegate* unmanaged<nint, int>)Function("cuEventDestroy_v2"))(computed);
        }

        if (stream != 0)
        {
            _ = ((delegate* unmanaged<nint, int>)Function("cuStreamDestroy_v2"))(stream);
        }

        _ = ((delegate* unmanaged<int, int>)Function("cuDevicePrimaryCtxRelease_v2"))(device);
    }

    // The current context is the thread's.
    private void Enter() => Check("cuCtxSetCurrent", ((delegate* unmanaged<nint, int>)Function("cuCtxSetCurrent"))(context));

    private nint Function(string name) => NativeLibrary.GetExport(library, name);

    private static void Check(string call, int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"The CUDA driver's {call} failed with code {result} at a copy between device and host.");
        }
    }
}
