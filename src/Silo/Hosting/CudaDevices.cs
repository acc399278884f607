using TorchSharp;

namespace Slowrun.Silo.Hosting;

internal static class CudaDevices
{
    /// <summary>CUDA devices that libtorch sees; 0 with the CPU flavour, which is not loaded for that answer.</summary>
    public static int Count() => !IsCpuFlavor && torch.cuda.is_available() ? torch.cuda.device_count() : 0;

    /// <summary>Whether the libtorch beside this program certainly knows no CUDA.</summary>
    private static bool IsCpuFlavor =>
        File.Exists(Path.Combine(AppContext.BaseDirectory, "libtorch_cpu.so"))
        && !File.Exists(Path.Combine(AppContext.BaseDirectory, "libtorch_cuda.so"));
}
