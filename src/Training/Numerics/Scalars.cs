using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Numerics;

/// <summary>
/// Makes numbers into libtorch's scalars without a race. TorchSharp passes a scalar's native address and then forgets the object: a
/// garbage collection at that moment, from whatever thread, lets the finalizer free it while libtorch reads it. Seen under load: once in
/// some millions of calls a norm failed with a scalar of no type; a wrong number instead would go unnoticed. Implicit conversions are
/// banned in this room (BannedSymbols.txt).
/// </summary>
internal static class Scalars
{
    // Many more than one call takes; each thread forgets its oldest.
    private const int Kept = 256;

    /// <summary>The alpha of sums: TorchSharp's overloads without it make one inside, which nothing keeps alive either.</summary>
    public static readonly Scalar One = Of(1L);

    public static readonly Scalar Two = Of(2L);

    [ThreadStatic]
    private static Scalar[]? recent;

    [ThreadStatic]
    private static int next;

    [ThreadStatic]
    private static long reads;

    /// <summary>How often this thread has read.</summary>
    public static long Reads => reads;

    /// <returns>A float64 scalar that lives until this thread has made 256 more.</returns>
    public static Scalar Of(double value) => Keep(value.ToScalar());

    /// <returns>An int64 scalar that lives until this thread has made 256 more.</returns>
    public static Scalar Of(long value) => Keep(value.ToScalar());

    /// <summary>
    /// Reads numbers, waiting for the device to have computed them: a training step affords that once. (<c>item</c> and <c>ToDouble</c>
    /// make a scalar of each first: the same race.)
    /// </summary>
    /// <param name="numbers">(N).</param>
    public static double[] Read(Tensor numbers)
    {
        reads++;
        using var scope = NewDisposeScope();
        return MemoryMarshal.Cast<byte, double>(numbers.detach().to(ScalarType.Float64, CPU).contiguous().bytes).ToArray();
    }

    /// <summary>As <see cref="Read"/>, of float32.</summary>
    /// <returns>Memory of a tensor in the caller's dispose scope.</returns>
    public static ReadOnlySpan<float> ReadSingles(Tensor numbers)
    {
        return MemoryMarshal.Cast<byte, float>(OnHost(numbers.detach()).bytes);
    }

    /// <summary>A tensor's copy in the host's memory, waited for; itself where it lies there.</summary>
    public static Tensor OnHost(Tensor tensor)
    {
        reads++;
        return tensor.cpu();
    }

    /// <summary>Where a tensor is not 0; how many places there are is waited for.</summary>
    /// <param name="marks">(N).</param>
    /// <returns>(places) int64.</returns>
    public static Tensor Places(Tensor marks)
    {
        reads++;
        using var places = marks.nonzero();
        return places.view(-1);
    }

    private static Scalar Keep(Scalar scalar)
    {
        recent ??= new Scalar[Kept];
        recent[next] = scalar;
        next = (next + 1) % Kept;
        return scalar;
    }
}
