using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels;

/// <summary>Batched matrix products of libtorch on the host, without autograd, into existing memory.</summary>
internal static partial class BatchedProducts
{
    private const string Library = "libtorch_cpu";

    /// <summary>out = a b.</summary>
    /// <param name="out">[N, R, K], contiguous; not <paramref name="a"/> or <paramref name="b"/>.</param>
    public static void Product(Tensor @out, Tensor a, Tensor b)
    {
        Matrix.Check(Bmm(@out.Handle, a.Handle, b.Handle), "products of matrices");
        KeepAlive(@out, a, b);
    }

    /// <summary>out = beta·self + alpha·a b.</summary>
    /// <param name="out">[N, R, K], contiguous; none of the other arguments.</param>
    public static void ProductAndSum(Tensor @out, Tensor self, Tensor a, Tensor b, double beta, double alpha)
    {
        Matrix.Check(BaddBmm(@out.Handle, self.Handle, a.Handle, b.Handle, beta, alpha), "products of matrices");
        KeepAlive(@out, a, b);
        GC.KeepAlive(self);
    }

    private static void KeepAlive(Tensor @out, Tensor a, Tensor b)
    {
        GC.KeepAlive(@out);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    [LibraryImport(Library, EntryPoint = "aoti_torch_cpu_bmm_out")]
    private static partial int Bmm(nint @out, nint a, nint b);

    [LibraryImport(Library, EntryPoint = "aoti_torch_cpu_baddbmm_out")]
    private static partial int BaddBmm(nint @out, nint self, nint a, nint b, double beta, double alpha);
}
