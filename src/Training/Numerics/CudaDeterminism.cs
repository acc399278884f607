using System.Runtime.InteropServices;

namespace Slowrun.Training.Numerics;

/// <summary>
/// Asks libtorch for kernels on CUDA that give the same bits each time: sums of gradients by rows that occur twice, attention's backward
/// pass and cuBLAS otherwise depend on which thread comes first. TorchSharp has no call for it, so the library's own functions are called.
/// </summary>
internal static partial class CudaDeterminism
{
    // cuBLAS repeats its bits only with a workspace of fixed size (https://docs.nvidia.com/cuda/cublas/#results-reproducibility).
    private const string WorkspaceVariable = "CUBLAS_WORKSPACE_CONFIG";
    private const string Workspace = ":4096:8";

    private static readonly Lazy<bool> Asked = new(Ask);

    /// <summary>To be called before the first operation on a CUDA device; does nothing the second time.</summary>
    public static void Enable() => _ = Asked.Value;

    private static bool Ask()
    {
        // .NET's own variables are not those that native code reads.
        _ = SetVariable(WorkspaceVariable, Workspace, overwrite: 0);
        // Not only warned of: an operation without such a kernel throws, and names itself (NumericsFingerprint); and attention's backward
        // passes repeat their bits only where it is strict.
        SetDeterministicAlgorithms(GlobalContext(), deterministic: true, warnOnly: false);
        LeaveNewMemory();
        return true;
    }

    /// <summary>
    /// With deterministic algorithms libtorch writes NaN over all memory that is asked for without a value: one more pass over each result
    /// of a kernel of our own. Here nothing reads memory before it is written; on a processor libtorch never fills it either.
    /// </summary>
    internal static void LeaveNewMemory() => SetFillsNewMemory(GlobalContext(), fills: false);

    /// <summary>Whether libtorch would write over new memory.</summary>
    internal static bool FillsNewMemory => GetFillsNewMemory(GlobalContext());

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    /// <summary><c>at::globalContext()</c></summary>
    [LibraryImport("libtorch_cpu", EntryPoint = "_ZN2at13globalContextEv")]
    private static partial nint GlobalContext();

    /// <summary><c>at::Context::setDeterministicAlgorithms(bool, bool)</c></summary>
    [LibraryImport("libtorch_cpu", EntryPoint = "_ZN2at7Context26setDeterministicAlgorithmsEbb")]
    private static partial void SetDeterministicAlgorithms(
        nint context,
        [MarshalAs(UnmanagedType.U1)] bool deterministic,
        [MarshalAs(UnmanagedType.U1)] bool warnOnly
    );

    /// <summary><c>at::Context::setDeterministicFillUninitializedMemory(bool)</c></summary>
    [LibraryImport("libtorch_cpu", EntryPoint = "_ZN2at7Context39setDeterministicFillUninitializedMemoryEb")]
    private static partial void SetFillsNewMemory(nint context, [MarshalAs(UnmanagedType.U1)] bool fills);

    /// <summary><c>at::Context::deterministicFillUninitializedMemory() const</c></summary>
    [LibraryImport("libtorch_cpu", EntryPoint = "_ZNK2at7Context36deterministicFillUninitializedMemoryEv")]
    [return: MarshalAs(UnmanagedType.U1)]
    private static partial bool GetFillsNewMemory(nint context);
}
