using System.Runtime.InteropServices;
using System.Text;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>NVIDIA's run-time compiler (https://docs.nvidia.com/cuda/nvrtc/), a library of libtorch's CUDA flavour or of the
/// toolkit.</summary>
internal sealed unsafe class Nvrtc
{
    // The first is libtorch's own interface to it, which loads it whatever its file name.
    private static readonly string[] Names = ["libcaffe2_nvrtc.so", "libnvrtc.so.12", "libnvrtc.so.13", "libnvrtc.so"];

    private readonly nint library;

    private Nvrtc(nint library) => this.library = library;

    /// <param name="path">Null: the usual places.</param>
    /// <exception cref="InvalidOperationException">The library was not found.</exception>
    public static Nvrtc Open(string? path = null)
    {
        string[] names = path is null ? Names : [path];
        foreach (var name in names)
        {
            if (
                NativeLibrary.TryLoad(name, typeof(Nvrtc).Assembly, null, out var library)
                && NativeLibrary.TryGetExport(library, "nvrtcCompileProgram", out _)
            )
            {
                return new Nvrtc(library);
            }
        }

        throw new InvalidOperationException(
            $"NVRTC is not there (none of {string.Join(", ", names)} can be loaded). It comes with libtorch's CUDA flavour, with PyTorch, and with the CUDA toolkit."
        );
    }

    /// <param name="capability">Compute capability of the device: major and minor version.</param>
    /// <param name="macros">Macros to define.</param>
    /// <returns>Machine code of that device, so that the driver does not compile it again.</returns>
    /// <exception cref="InvalidOperationException">The text does not compile, or the compiler is older than the device.</exception>
    public byte[] Compile(string text, (int Major, int Minor) capability, params ReadOnlySpan<string> macros)
    {
        string[] options =
        [
            $"--gpu-architecture=sm_{capability.Major}{capability.Minor}",
            "--std=c++17",
            // Multiply-adds are fused only where the source calls fmaf.
            "--fmad=false",
            .. macros.ToArray().Select(macro => $"--define-macro={macro}"),
        ];
        nint program;
        fixed (
            byte* source = Terminated(text),
                name = Terminated("slowrun.cu")
        )
        {
            Check(
                "nvrtcCreateProgram",
                ((delegate* unmanaged<nint*, byte*, byte*, int, nint, nint, int>)Function("nvrtcCreateProgram"))(
                    &program,
                    source,
                    name,
                    0,
                    0,
                    0
                )
            );
        }

        var words = stackalloc nint[options.Length];
        try
        {
            for (var i = 0; i < options.Length; i++)
            {
                words[i] = Marshal.StringToCoTaskMemUTF8(options[i]);
            }

            var result = ((delegate* unmanaged<nint, int, nint*, int>)Function("nvrtcCompileProgram"))(program, options.Length, words);
            if (result != 0)
            {
                var log = Encoding.UTF8.GetString(Result(program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog")).TrimEnd('\0', '\n');
                var lines = log.Split('\n');
                throw new InvalidOperationException(
                    $"NVRTC failed with code {result} to compile the kernels for {options[0]}: {lines.FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal), lines[0])}"
                );
            }

            return Result(program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN");
        }
        finally
        {
            for (var i = 0; i < options.Length; i++)
            {
                Marshal.FreeCoTaskMem(words[i]);
            }

            _ = ((delegate* unmanaged<nint*, int>)Function("nvrtcDestroyProgram"))(&program);
        }
    }

    private byte[] Result(nint program, string sizeCall, string call)
    {
        nuint size;
        Check(sizeCall, ((delegate* unmanaged<nint, nuint*, int>)Function(sizeCall))(program, &size));
        var bytes = new byte[size];
        fixed (byte* into = bytes)
        {
            Check(call, ((delegate* unmanaged<nint, byte*, int>)Function(call))(program, into));
        }

        return bytes;
    }

    private nint Function(string name) => NativeLibrary.GetExport(library, name);

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private static void Check(string call, int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"NVRTC's {call} failed with code {result}.");
        }
    }
}
