using System.Runtime.InteropServices;
using System.Text;
using Slowrun.Core.Recipes;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>
/// The kernels on one device: compiled for it, loaded into libtorch's context, and launched on the default stream, which libtorch uses too.
/// The caller may release a kernel's memory after the launch: the stream runs the next user of that memory after the kernel.
/// </summary>
internal sealed unsafe class CudaKernels : IDisposable
{
    // The number of lanes of the source.
    private const uint Threads = 256;

    // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
    private const int Major = 75;
    private const int Minor = 76;

    private const nint DefaultStream = 0;

    private static readonly Dictionary<(int Index, bool Rounded), CudaKernels> Known = [];

    private readonly nint library;
    private readonly int device;
    private readonly nint context;
    private readonly nint module;
    private readonly delegate* unmanaged<nint, int> setContext;
    private readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, nint*, nint, int> launch;
    private readonly Dictionary<string, nint> functions = [];
    private readonly Lock gate = new();

    private CudaKernels(nint library, Nvrtc compiler, int index, bool rounded)
    {
        this.library = library;
        int found,
            major,
            minor;
        nint primary,
            loaded;
        Check("cuInit", ((delegate* unmanaged<uint, int>)Function("cuInit"))(0));
        Check("cuDeviceGet", ((delegate* unmanaged<int*, int, int>)Function("cuDeviceGet"))(&found, index));
        device = found;
        var attribute = (delegate* unmanaged<int*, int, int, int>)Function("cuDeviceGetAttribute");
        Check("cuDeviceGetAttribute", attribute(&major, Major, device));
        Check("cuDeviceGetAttribute", attribute(&minor, Minor, device));
        var image = compiler.Compile(KernelSource.Text, (major, minor), rounded ? ["BF16"] : []);
        Check("cuDevicePrimaryCtxRetain", ((delegate* unmanaged<nint*, int, int>)Function("cuDevicePrimaryCtxRetain"))(&primary, device));
        context = primary;
        setContext = (delegate* unmanaged<nint, int>)Function("cuCtxSetCurrent");
        launch = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, nint*, nint, int>)Function("cuLaunchKernel");
        try
        {
            Check("cuCtxSetCurrent", setContext(context));
            fixed (byte* start = image)
            {
                Check("cuModuleLoadData", ((delegate* unmanaged<nint*, byte*, int>)Function("cuModuleLoadData"))(&loaded, start));
            }
        }
        catch
        {
            ReleaseContext();
            throw;
        }

        module = loaded;
    }

    /// <summary>The type of operands and results of matrix products.</summary>
    public static ScalarType Type(MatrixPrecision products) => products == MatrixPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>The kernels of a device, compiled once in a process; after a failure the next call tries again.</summary>
    /// <inheritdoc cref="Open"/>
    public static CudaKernels Of(Device device, MatrixPrecision products)
    {
        var key = (device.index, products == MatrixPrecision.BF16);
        lock (Known)
        {
            if (!Known.TryGetValue(key, out var kernels))
            {
                Known.Add(key, kernels = Open(device.index, products == MatrixPrecision.BF16, Nvrtc.Open()));
            }

            return kernels;
        }
    }

    /// <param name="index">The index of the device in CUDA.</param>
    /// <param name="rounded">Whether operands and results of matrix products are bfloat16; otherwise float32.</param>
    /// <exception cref="InvalidOperationException">Compiler or driver is missing, or a call failed: the message names it.</exception>
    public static CudaKernels Open(int index, bool rounded, Nvrtc compiler, string driver = "libcuda.so.1") =>
        NativeLibrary.TryLoad(driver, out var library)
            ? new CudaKernels(library, compiler, index, rounded)
            : throw new InvalidOperationException($"The CUDA driver's library '{driver}' cannot be loaded.");

    /// <summary>Launches a kernel, without waiting for its end.</summary>
    /// <param name="blocks">0: nothing is launched.</param>
    /// <param name="arguments">In the kernel's order; tensors are on this device.</param>
    public void Launch(string kernel, long blocks, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (blocks == 0)
        {
            return;
        }

        // CUDA has a current context for each thread.
        Check("cuCtxSetCurrent", setContext(context));
        var words = stackalloc nint[arguments.Length];
        fixed (KernelArgument* first = arguments)
        {
            for (var i = 0; i < arguments.Length; i++)
            {
                words[i] = (nint)(first + i);
            }

            var result = launch(Find(kernel), checked((uint)blocks), 1, 1, Threads, 1, 1, 0, DefaultStream, words, 0);
            Check($"cuLaunchKernel of '{kernel}'", result);
        }
    }

    public void Dispose()
    {
        _ = setContext(context);
        _ = ((delegate* unmanaged<nint, int>)Function("cuModuleUnload"))(module);
        ReleaseContext();
    }

    private void ReleaseContext() => _ = ((delegate* unmanaged<int, int>)Function("cuDevicePrimaryCtxRelease_v2"))(device);

    private nint Find(string kernel)
    {
        // Forward and backward passes of a device run on different threads.
        lock (gate)
        {
            if (!functions.TryGetValue(kernel, out var function))
            {
                fixed (byte* name = Encoding.UTF8.GetBytes(kernel + '\0'))
                {
                    var get = (delegate* unmanaged<nint*, nint, byte*, int>)Function("cuModuleGetFunction");
                    Check($"cuModuleGetFunction of '{kernel}'", get(&function, module, name));
                }

                functions.Add(kernel, function);
            }

            return function;
        }
    }

    private nint Function(string name) => NativeLibrary.GetExport(library, name);

    private static void Check(string call, int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"The CUDA driver's {call} failed with code {result}.");
        }
    }
}
