using Slowrun.Core.Recipes;
using Slowrun.Training.Kernels;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Makes stacks of matrices nearly orthogonal: five steps of a matrix iteration whose coefficients change from step to step
/// (Polar Express, arXiv:2505.16932), as Muon needs it.
/// </summary>
internal static class Orthogonalization
{
    // The paper's values for singular values down to 0.001, and its safety factor.
    private static readonly (double A, double B, double C)[] Coefficients =
    [
        (8.156554524902461, -22.48329292557795, 15.878769915207462),
        (4.042929935166739, -2.808917465908714, 0.5000178451051316),
        (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
        (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
        (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
    ];

    private const double Safety = 1.02;

    /// <param name="u">(N, R, K) float32.</param>
    /// <returns>(N, R, K) float32: each matrix with its singular values moved to about 1. The caller's dispose scope owns it.</returns>
    public static Tensor Apply(Tensor u, OrthogonalizationPrecision precision)
    {
        var type = precision == OrthogonalizationPrecision.BF16 ? ScalarType.BFloat16 : ScalarType.Float32;
        var rounded = u.to_type(type);
        var norm = rounded.pow(Scalars.Two).sum([-2L, -1L], keepdim: true).sqrt_();
        var x = rounded.div(norm.mul_(Scalars.Of(Rounded(Safety, type))).add_(Scalars.Of(1e-6), Scalars.One));
        var tall = u.shape[1] > u.shape[2];
        foreach (var (a, b, c) in Coefficients)
        {
            using var step = NewDisposeScope();
            // The smaller of the two Gram matrices: (K, K) of a tall matrix, (R, R) of a wide one.
            var gram = tall ? x.transpose(-2, -1).bmm(x) : x.bmm(x.transpose(-2, -1));
            var polynomial = MulAdd(gram, gram, gram, b, c);
            x = (tall ? MulAdd(x, polynomial, x, a, 1) : MulAdd(polynomial, x, x, a, 1)).MoveToOuterDisposeScope();
        }

        return x.to_type(ScalarType.Float32);
    }

    /// <summary>As <see cref="Apply"/> in float32, bit for bit, in two rooms by turns instead of new memory for each product.</summary>
    /// <param name="u">(N, R, K) float32 on the host, contiguous; overwritten, and one of the rooms.</param>
    /// <returns>Contiguous; the caller's dispose scope owns it.</returns>
    public static Tensor ApplyInPlace(Tensor u)
    {
        using (var squares = u.pow(Scalars.Two))
        {
            var norm = squares.sum([-2L, -1L], keepdim: true).sqrt_();
            u.div_(norm.mul_(Scalars.Of(Safety)).add_(Scalars.Of(1e-6), Scalars.One));
        }

        var (x, next) = (u, empty_like(u));
        var tall = u.shape[1] > u.shape[2];
        var least = Math.Min(u.shape[1], u.shape[2]);
        var (gram, polynomial) = (empty(u.shape[0], least, least), empty(u.shape[0], least, least));
        foreach (var (a, b, c) in Coefficients)
        {
            using var turned = x.transpose(-2, -1);
            BatchedProducts.Product(gram, tall ? turned : x, tall ? x : turned);
            BatchedProducts.ProductAndSum(polynomial, gram, gram, gram, b, c);
            BatchedProducts.ProductAndSum(next, x, tall ? x : polynomial, tall ? polynomial : x, a, 1);
            (x, next) = (next, x);
        }

        return x;
    }

    /// <summary>a·r + b·p·q.</summary>
    private static Tensor MulAdd(Tensor p, Tensor q, Tensor r, double a, double b)
    {
        if (r.dtype == ScalarType.Float32)
        {
            // TorchSharp takes the matrix that is added last.
            return p.baddbmm(q, r, (float)a, (float)b);
        }

        // Upstream's bfloat16 figures have every operation's result rounded, and the coefficients: errors of 10 % of an update, so
        // that another order of roundings would be no longer comparable with them.
        return r.mul(Scalars.Of(Rounded(a, r.dtype))).add_(p.bmm(q).mul_(Scalars.Of(Rounded(b, r.dtype))), Scalars.One);
    }

    private static double Rounded(double value, ScalarType type)
    {
        if (type == ScalarType.Float32)
        {
            return value;
        }

        // To the nearest number whose last 16 bits are 0, ties to even: a bfloat16.
        var bits = BitConverter.SingleToUInt32Bits((float)value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }
}
