using System.Runtime.InteropServices;
using System.Text;

namespace Slowrun.Clustering.Machines;

/// <summary>
/// CUDA's numbers of this machine's devices: fastest first, and only those that CUDA_VISIBLE_DEVICES names. NVML knows neither, so the
/// driver is asked for each one's place on the bus.
/// </summary>
internal static unsafe class CudaOrder
{
    /// <returns>Null: there is no driver, or it does not work.</returns>
    public static IReadOnlyList<string>? BusIds() => BusIds("libcuda.so.1");

    internal static IReadOnlyList<string>? BusIds(string path)
    {
        if (!NativeLibrary.TryLoad(path, out var library))
        {
            return null;
        }

        try
        {
            // Never freed: libtorch in this process uses it too.
            var init = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(library, "cuInit");
            var countOf = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDeviceGetCount");
            var deviceAt = (delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(library, "cuDeviceGet");
            var busIdOf = (delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceGetPCIBusId");
            int count;
            if (init(0) != 0 || countOf(&count) != 0)
            {
                return null;
            }

            var ids = new List<string>();
            var text = stackalloc byte[32];
            for (var i = 0; i < count; i++)
            {
                int device;
                if (deviceAt(&device, i) != 0 || busIdOf(text, 32, device) != 0)
                {
                    return null;
                }

                ids.Add(Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text)));
            }

            return ids;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }
}
