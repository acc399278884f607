using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Slowrun.Training.Kernels.Cuda;

namespace Slowrun.Training.Tests.Kernels.Cuda;

/// <summary>NVRTC and a driver that are played by a library: the kernels' own text, compiled by g++, runs on tensors in the host's memory
/// when it is launched.</summary>
internal static unsafe class PlayedCuda
{
    /// <summary>Of the device that is played.</summary>
    public const int Index = 3;

    private static readonly Lazy<string?> Driver = new(Compile);
    private static readonly Lazy<CudaKernels> Exact = new(() => Open(rounded: false));
    private static readonly Lazy<CudaKernels> Rounded = new(() => Open(rounded: true));

    /// <summary>Its library. Null: there is no g++.</summary>
    public static string? Path => Driver.Value;

    /// <summary>The kernels, compiled once in a process.</summary>
    public static CudaKernels Kernels(bool rounded) => (rounded ? Rounded : Exact).Value;

    /// <summary>How a block is run by this thread's launches from now on.</summary>
    /// <param name="count">Threads of a block.</param>
    /// <param name="lastFirst">Whether they take turns from the last to the first.</param>
    public static void Threads(uint count, bool lastFirst) =>
        ((delegate* unmanaged<uint, int, void>)NativeLibrary.GetExport(NativeLibrary.Load(Path!), "play_threads"))(
            count,
            lastFirst ? 1 : 0
        );

    private static CudaKernels Open(bool rounded) => CudaKernels.Open(Index, rounded, Nvrtc.Open(Path), Path!);

    private static string? Compile()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-cuda-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        foreach (var file in (string[])["device.h", "driver.cpp"])
        {
            using var from = typeof(PlayedCuda).Assembly.GetManifestResourceStream(file)!;
            using var to = File.Create(System.IO.Path.Combine(folder, file));
            from.CopyTo(to);
        }

        var library = System.IO.Path.Combine(folder, "libcuda.so");
        string[] arguments =
        [
            "-std=c++17",
            "-O1",
            "-shared",
            "-fPIC",
            $"-DFOLDER=\"{folder}\"",
            "-o",
            library,
            System.IO.Path.Combine(folder, "driver.cpp"),
            "-ldl",
        ];
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("g++", arguments) { RedirectStandardError = true })!;
            var error = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? library : throw new InvalidOperationException($"g++ failed: {error}");
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
