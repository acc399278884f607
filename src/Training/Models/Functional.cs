using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>The few pieces of mathematics that several parts of the model share.</summary>
internal static class Functional
{
    private static readonly long[] Last = [-1];
    private static readonly Scalar Epsilon = Scalars.Of(ParameterTable.RmsNormEpsilon);

    /// <summary>x / √(mean(x²) + ε) over the last dimension, without a learnt scale (arXiv:1910.07467).</summary>
    public static Tensor RmsNorm(Tensor x)
    {
        return x.mul(x.pow(Scalars.Two).mean(Last, keepdim: true).add_(Epsilon, Scalars.One).rsqrt_());
    }

    /// <summary>x Wᵀ, in the precision of the recipe; there is no autocast, so the casts are written out.</summary>
    public static Tensor Linear(Tensor x, Tensor weight, MatrixPrecision precision) =>
        precision == MatrixPrecision.BF16
            ? nn.functional.linear(x.to(ScalarType.BFloat16), weight.to(ScalarType.BFloat16)).to(x.dtype)
            : nn.functional.linear(x, weight);

    /// <summary>softmax(q kᵀ / √d + mask) v.</summary>
    /// <param name="mask">Null: plain causality, or none.</param>
    /// <param name="causal">Without a mask: whether a query sees only its own key and those before.</param>
    public static Tensor Attention(Tensor q, Tensor k, Tensor v, Tensor? mask, MatrixPrecision precision, bool causal = true)
    {
        causal = causal && mask is null;
        if (precision == MatrixPrecision.F32)
        {
            return nn.functional.scaled_dot_product_attention(q, k, v, mask, 0, causal);
        }

        var rounded = nn.functional.scaled_dot_product_attention(
            q.to(ScalarType.BFloat16),
            k.to(ScalarType.BFloat16),
            v.to(ScalarType.BFloat16),
            mask?.to(ScalarType.BFloat16),
            0,
            causal
        );
        return rounded.to(q.dtype);
    }
}
