using System.Globalization;
using System.Runtime.InteropServices;
using Slowrun.Core.Stages;

namespace Slowrun.Clustering.Machines;

/// <summary>
/// Memory and utilisation of this machine's devices, by NVIDIA's management library (NVML, which comes with the driver). A machine without
/// it has none. Safe to use from any thread.
/// </summary>
public sealed unsafe class NvidiaDevices : IDisposable
{
    private const string Library = "libnvidia-ml.so.1";

    private readonly nint library;
    private readonly delegate* unmanaged<nint, Memory*, int> memoryOf;
    private readonly delegate* unmanaged<nint, Utilization*, int> utilizationOf;
    private readonly delegate* unmanaged<int> shutdown;
    private readonly nint[] devices;

    private NvidiaDevices(nint library, nint[] devices)
    {
        this.library = library;
        this.devices = devices;
        memoryOf = (delegate* unmanaged<nint, Memory*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetMemoryInfo");
        utilizationOf = (delegate* unmanaged<nint, Utilization*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetUtilizationRates");
        shutdown = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlShutdown");
    }

    public int Count => devices.Length;

    /// <param name="asCuda">In CUDA's order, which starts the driver in this process; else in NVML's, by their place on the bus.</param>
    /// <returns>Null: there is no library, or it does not work here.</returns>
    public static NvidiaDevices? TryOpen(bool asCuda) => TryOpen(Library, asCuda ? CudaOrder.BusIds() : null);

    /// <param name="busIds">Of the devices, in the order of their numbers; null: as NVML numbers them.</param>
    internal static NvidiaDevices? TryOpen(string path, IReadOnlyList<string>? busIds)
    {
        if (!NativeLibrary.TryLoad(path, out var library))
        {
            return null;
        }

        try
        {
            var init = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
            if (init() == 0)
            {
                return new NvidiaDevices(library, busIds is null ? ByIndex(library) : [.. busIds.Select(id => ByBusId(library, id))]);
            }
        }
        catch (EntryPointNotFoundException)
        {
            // Another library of this name, or one of a driver that is too old.
        }

        NativeLibrary.Free(library);
        return null;
    }

    /// <param name="slot">As in <c>cuda:0</c>.</param>
    /// <returns>Null: there is no such device, or it does not answer.</returns>
    public DeviceUse? Read(string slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        var parts = slot.Split(':');
        if (
            parts is not ["cuda", var number]
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            || index >= devices.Length
            || devices[index] == 0
        )
        {
            return null;
        }

        Memory memory;
        Utilization utilization;
        return memoryOf(devices[index], &memory) != 0
            ? null
            : new DeviceUse(
                slot,
                (long)memory.Used,
                (long)memory.Total,
                utilizationOf(devices[index], &utilization) == 0 ? utilization.Gpu / 100.0 : null
            );
    }

    public void Dispose()
    {
        _ = shutdown();
        NativeLibrary.Free(library);
    }

    private static nint[] ByIndex(nint library)
    {
        var countOf = (delegate* unmanaged<uint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetCount_v2");
        var deviceAt = (delegate* unmanaged<uint, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByIndex_v2");
        uint count;
        var devices = new nint[countOf(&count) == 0 ? count : 0];
        for (uint i = 0; i < devices.Length; i++)
        {
            nint device;
            devices[i] = deviceAt(i, &device) == 0 ? device : 0;
        }

        return devices;
    }

    private static nint ByBusId(nint library, string busId)
    {
        var deviceAt = (delegate* unmanaged<byte*, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByPciBusId_v2");
        nint device;
        fixed (byte* text = System.Text.Encoding.ASCII.GetBytes(busId + "\0"))
        {
            return deviceAt(text, &device) == 0 ? device : 0;
        }
    }

    // nvmlMemory_t and nvmlUtilization_t of nvml.h.
    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Utilization
    {
        public uint Gpu;
        public uint MemoryBus;
    }
}
