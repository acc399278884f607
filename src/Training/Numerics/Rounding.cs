using static TorchSharp.torch;

namespace Slowrun.Training.Numerics;

/// <summary>Keeps numbers bfloat16's in float32 memory.</summary>
internal static class Rounding
{
    /// <summary>Rounds each number to the nearest of bfloat16, in place.</summary>
    public static void ToBfloat16(Tensor numbers)
    {
        using var noGradient = no_grad();
        using var rounded = numbers.to(ScalarType.BFloat16);
        numbers.copy_(rounded);
    }
}
