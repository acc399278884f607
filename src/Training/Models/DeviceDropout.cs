using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>Dropout masks made where they are used, bit for bit those of <see cref="Dropout.Fill"/>.</summary>
internal static class DeviceDropout
{
    private static readonly Tensor Low = DeviceRandom.Constant(0xFFFFFFFF);
    private static readonly Tensor Sign = DeviceRandom.Constant(1UL << 63);

    /// <summary>0 with the given probability, else 1.</summary>
    /// <param name="like">Shape, type and device.</param>
    public static Tensor Mask(Tensor like, ulong key, double probability)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var count = like.numel();
        var bits = DeviceRandom.At(key, 0, (count + 1) / 2, like.device);
        // The first of a pair is the low half, as an unsigned number; the second the high half: all 64 bits, compared as unsigned numbers
        // by turning their sign, with a threshold whose low half is 0.
        var threshold = Dropout.Threshold(probability);
        var first = bits.bitwise_and(Low).ge(Scalars.Of(threshold));
        var second = bits.bitwise_xor_(Sign).ge(Scalars.Of(unchecked((long)(((ulong)threshold << 32) ^ (1UL << 63)))));
        return stack([first, second], -1).reshape(-1).narrow(0, 0, count).view(like.shape).to(like.dtype).MoveToOuterDisposeScope();
    }
}
