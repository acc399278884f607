using TorchSharp;

namespace Slowrun.Silo.Hosting;

internal static class CudaDevices
{
    /// <summary>CUDA devices that libtorch sees; 0 with the CPU flavour.</summary>
    public static int Count() => torch.cuda.is_available() ? torch.cuda.device_count() : 0;
}
