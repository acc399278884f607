using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Dropout masks made where they are used, bit for bit those of <see cref="Dropout.Fill"/>: <see cref="CounterRandom"/> in integer
/// operations on whole tensors, which wrap around as its numbers do. A shift of int64 copies the sign, so what it brings in is masked away.
/// </summary>
internal static class DeviceDropout
{
    private static readonly (Tensor By, Tensor Kept) Shift30 = Shift(30);
    private static readonly (Tensor By, Tensor Kept) Shift27 = Shift(27);
    private static readonly (Tensor By, Tensor Kept) Shift31 = Shift(31);
    private static readonly Tensor Low = Constant(0xFFFFFFFF);
    private static readonly Tensor Sign = Constant(1UL << 63);

    /// <summary>0 with the given probability, else 1.</summary>
    /// <param name="like">Shape, type and device.</param>
    public static Tensor Mask(Tensor like, ulong key, double probability)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        long count = like.numel(),
            pairs = (count + 1) / 2;
        var bits = arange(Scalars.Of(1L), Scalars.Of(pairs + 1), Scalars.Of(1L), ScalarType.Int64, like.device)
            .mul_(Scalars.Of(unchecked((long)CounterRandom.Gamma)))
            .add_(Scalars.Of(unchecked((long)key)), Scalars.One);
        Mix(bits, Shift30).mul_(Scalars.Of(unchecked((long)CounterRandom.FirstFactor)));
        Mix(bits, Shift27).mul_(Scalars.Of(unchecked((long)CounterRandom.SecondFactor)));
        Mix(bits, Shift31);
        // The first of a pair is the low half, as an unsigned number; the second the high half: all 64 bits, compared as unsigned numbers
        // by turning their sign, with a threshold whose low half is 0.
        var threshold = Dropout.Threshold(probability);
        var first = bits.bitwise_and(Low).ge(Scalars.Of(threshold));
        var second = bits.bitwise_xor_(Sign).ge(Scalars.Of(unchecked((long)(((ulong)threshold << 32) ^ (1UL << 63)))));
        return stack([first, second], -1).reshape(-1).narrow(0, 0, count).view(like.shape).to(like.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>z ^= z >> n, of unsigned numbers.</summary>
    private static Tensor Mix(Tensor bits, (Tensor By, Tensor Kept) shift) =>
        bits.bitwise_xor_(bits.bitwise_right_shift(shift.By).bitwise_and_(shift.Kept));

    private static (Tensor By, Tensor Kept) Shift(int by) => (Constant((ulong)by), Constant(ulong.MaxValue >> by));

    /// <summary>A number on the host, which an operation on any device takes as its argument without a copy to it.</summary>
    private static Tensor Constant(ulong value)
    {
        using var scope = NewDisposeScope();
        return full([], Scalars.Of(unchecked((long)value)), ScalarType.Int64, CPU).DetachFromDisposeScope();
    }
}
