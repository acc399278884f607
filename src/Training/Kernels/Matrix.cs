using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels;

/// <summary>
/// A float32 matrix on the host: an address for our kernels; a tensor and its transpose, made once, for libtorch's products. Products write
/// into existing memory, without autograd.
/// </summary>
internal sealed unsafe partial class Matrix : IDisposable
{
    private const string Library = "libtorch_cpu";

    private readonly Tensor tensor;
    private readonly Tensor transposed;
    private readonly Dictionary<(int Start, int Count), Matrix> columns = [];

    /// <param name="tensor">[R, K] with any strides; this object keeps a view of it.</param>
    public Matrix(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        this.tensor = tensor.detach().DetachFromDisposeScope();
        transposed = this.tensor.t().DetachFromDisposeScope();
        Data = Address(this.tensor);
    }

    /// <summary>The address of its first element.</summary>
    public float* Data { get; }

    /// <summary>A matrix of uninitialised memory.</summary>
    public static Matrix Empty(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        return new Matrix(empty([rows, columns], ScalarType.Float32, CPU));
    }

    /// <summary>A view of the first columns, made once.</summary>
    public Matrix Columns(int first) => Columns(0, first);

    /// <summary>A view of some columns, made once.</summary>
    public Matrix Columns(int start, int count)
    {
        if (!columns.TryGetValue((start, count), out var found))
        {
            using var scope = NewDisposeScope();
            found = new Matrix(tensor.narrow(1, start, count));
            columns.Add((start, count), found);
        }

        return found;
    }

    /// <summary>The address of the first element of a tensor on the host.</summary>
    public static float* Address(Tensor tensor)
    {
        Check(GetDataPointer(tensor.Handle, out var data), "the address of a tensor");
        GC.KeepAlive(tensor);
        return (float*)data;
    }

    /// <summary>A view of some rows.</summary>
    public Matrix Rows(long start, long count)
    {
        using var scope = NewDisposeScope();
        return new Matrix(tensor.narrow(0, start, count));
    }

    /// <summary>out = a b + beta·out.</summary>
    public static void Product(Matrix @out, Matrix a, Matrix b, double beta = 0) => Product(@out, a.tensor, b.tensor, beta);

    /// <summary>out = a bᵀ + beta·out.</summary>
    public static void ProductTransposed(Matrix @out, Matrix a, Matrix b, double beta = 0) => Product(@out, a.tensor, b.transposed, beta);

    /// <summary>out += aᵀ b: adds to the gradient of a matrix.</summary>
    public static void AddTransposedProduct(Matrix @out, Matrix a, Matrix b) => Product(@out, a.transposed, b.tensor, 1);

    public void Dispose()
    {
        foreach (var view in columns.Values)
        {
            view.Dispose();
        }

        transposed.Dispose();
        tensor.Dispose();
    }

    private static void Product(Matrix @out, Tensor a, Tensor b, double beta)
    {
        Check(AddMm(@out.tensor.Handle, @out.tensor.Handle, a.Handle, b.Handle, beta, 1), "a matrix product");
        GC.KeepAlive(@out);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    /// <summary>Throws if libtorch reported an error.</summary>
    internal static void Check(int error, string operation)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"libtorch refused {operation} (error {error}; its reason is in the error output).");
        }
    }

    [LibraryImport(Library, EntryPoint = "aoti_torch_get_data_ptr")]
    private static partial int GetDataPointer(nint tensor, out nint data);

    [LibraryImport(Library, EntryPoint = "aoti_torch_cpu_addmm_out")]
    private static partial int AddMm(nint @out, nint self, nint a, nint b, double beta, double alpha);
}
