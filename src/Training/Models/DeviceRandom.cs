using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// <see cref="CounterRandom"/> where its numbers are used: integer operations on whole tensors, which wrap around as its numbers do. A
/// shift of int64 copies the sign, so what it brings in is masked away.
/// </summary>
internal static class DeviceRandom
{
    private static readonly (Tensor By, Tensor Kept) Shift30 = Shift(30);
    private static readonly (Tensor By, Tensor Kept) Shift27 = Shift(27);
    private static readonly (Tensor By, Tensor Kept) Shift31 = Shift(31);
    private static readonly (Tensor By, Tensor Kept) Shift11 = Shift(11);

    /// <summary><see cref="CounterRandom.At"/> of a row of counters.</summary>
    /// <param name="start">The first counter.</param>
    /// <returns>(count) int64.</returns>
    public static Tensor At(ulong key, long start, long count, Device device)
    {
        using var scope = NewDisposeScope();
        var bits = arange(Scalars.Of(start + 1), Scalars.Of(start + count + 1), Scalars.Of(1L), ScalarType.Int64, device)
            .mul_(Scalars.Of(unchecked((long)CounterRandom.Gamma)))
            .add_(Scalars.Of(unchecked((long)key)), Scalars.One);
        Mix(bits, Shift30).mul_(Scalars.Of(unchecked((long)CounterRandom.FirstFactor)));
        Mix(bits, Shift27).mul_(Scalars.Of(unchecked((long)CounterRandom.SecondFactor)));
        return Mix(bits, Shift31).MoveToOuterDisposeScope();
    }

    /// <summary><see cref="CounterRandom.Uniform"/> of a row of counters; nothing in it is rounded.</summary>
    /// <returns>(count) float64.</returns>
    public static Tensor Uniform(ulong key, long start, long count, Device device)
    {
        using var scope = NewDisposeScope();
        return At(key, start, count, device)
            .bitwise_right_shift_(Shift11.By)
            .bitwise_and_(Shift11.Kept)
            .to(ScalarType.Float64)
            .mul_(Scalars.Of(1.0 / (1UL << 53)))
            .MoveToOuterDisposeScope();
    }

    /// <summary>A number on the host, which an operation on any device takes as its argument without a copy to it.</summary>
    public static Tensor Constant(ulong value)
    {
        using var scope = NewDisposeScope();
        return full([], Scalars.Of(unchecked((long)value)), ScalarType.Int64, CPU).DetachFromDisposeScope();
    }

    /// <summary>z ^= z >> n, of unsigned numbers.</summary>
    private static Tensor Mix(Tensor bits, (Tensor By, Tensor Kept) shift)
    {
        using var shifted = bits.bitwise_right_shift(shift.By);
        return bits.bitwise_xor_(shifted.bitwise_and_(shift.Kept));
    }

    private static (Tensor By, Tensor Kept) Shift(int by) => (Constant((ulong)by), Constant(ulong.MaxValue >> by));
}
