using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>The few pieces of mathematics that several parts of the model share.</summary>
internal static class Functional
{
    /// <summary>Machine epsilon of float32, torch's default for rms_norm; upstream's choice for every width.</summary>
    public const double RmsEpsilon = 1.1920928955078125e-7;

    private static readonly long[] Last = [-1];
    private static readonly Scalar Epsilon = RmsEpsilon;

    /// <summary>x / √(mean(x²) + ε) over the last dimension, without a learnt scale (arXiv:1910.07467).</summary>
    public static Tensor RmsNorm(Tensor x)
    {
        return x.mul(x.square().mean(Last, keepdim: true).add_(Epsilon).rsqrt_());
    }
}
