using Slowrun.Core.Models;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Clips the averaged gradient by its global L2 norm, as upstream's newer code does: clipping before averaging, as record 9 did, makes
/// the result depend on how many devices there are. Where devices divide the gradient, each computes the squares or norms of its part, and
/// the first adds them in their order in the layout.
/// </summary>
internal static class GradientClipping
{
    // A vector of any kind, and what a device reads at once, begin at multiples of it.
    private const long VectorNumbers = 64;

    /// <summary>Numbers of the gradient that are squared and added together, in an order that follows from where they lie: of a gradient in
    /// parts each such block has to be in one part as a whole.</summary>
    public static long BlockNumbers(StepPath path) =>
        path switch
        {
            StepPath.Fused => OptimizerKernels.BlockNumbers,
            StepPath.Kernels => UpdateKernels.SquareNumbers,
            // Parameter by parameter.
            _ => VectorNumbers,
        };

    /// <summary>Of a gradient on one device.</summary>
    /// <param name="gradient">(Layout.Length) float32, scaled in place unless <paramref name="maximumNorm"/> is 0.</param>
    /// <returns>The norm before clipping: a float32 scalar on the gradient's device, owned by the caller.</returns>
    public static Tensor Clip(Tensor gradient, ParameterLayout layout, double maximumNorm, StepPath path)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        ArgumentNullException.ThrowIfNull(layout);
        return Clip([ShardGradient.Whole(gradient)], layout, maximumNorm, path, null);
    }

    /// <summary>The same of a gradient that several devices divide.</summary>
    /// <param name="parts">Widened to <see cref="BlockNumbers"/>.</param>
    /// <param name="kernels">Of each part's device, on <see cref="StepPath.Kernels"/>; else null.</param>
    /// <returns>As above, on the first part's device.</returns>
    public static Tensor Clip(
        IReadOnlyList<ShardGradient> parts,
        ParameterLayout layout,
        double maximumNorm,
        StepPath path,
        IReadOnlyList<UpdateKernels>? kernels
    )
    {
        using var scope = NewDisposeScope();
        var norm =
            kernels is not null ? ByKernels(parts, layout, maximumNorm, kernels)
            : path == StepPath.Fused ? Fused(parts, layout, maximumNorm)
            : Composed(parts, layout, maximumNorm);
        return norm.MoveToOuterDisposeScope();
    }

    private static Tensor Composed(IReadOnlyList<ShardGradient> parts, ParameterLayout layout, double maximumNorm)
    {
        var first = parts[0].Sum.device;
        // The norm of norms: a single sum of a billion float32 squares would lose the small ones.
        var norms = layout.Parameters.Select(place =>
            parts.First(part => part.Own.Contains(place.Offset)).Of(new FlatRange(place.Offset, place.Spec.Count)).norm().to(first)
        );
        var norm = stack(norms).norm();
        if (maximumNorm > 0)
        {
            // Multiplied even when it is 1: whether it is would have to be waited for.
            var factor = norm.add(Scalars.Of(1e-6), Scalars.One).reciprocal_().mul_(Scalars.Of(maximumNorm)).clamp_max_(Scalars.Of(1.0));
            foreach (var part in parts)
            {
                part.Sum.mul_(factor.to(part.Sum.device));
            }
        }

        return norm;
    }

    private static unsafe Tensor Fused(IReadOnlyList<ShardGradient> parts, ParameterLayout layout, double maximumNorm)
    {
        // Gaps between groups are 0.
        var sums = new float[Blocks(layout, OptimizerKernels.BlockNumbers)];
        foreach (var (part, first, range) in BlocksOf(parts, layout, OptimizerKernels.BlockNumbers))
        {
            OptimizerKernels.SquareSums(Matrix.Address(part.Of(range)), range.Length, sums.AsSpan((int)first));
        }

        var norm = Math.Sqrt(OptimizerKernels.Added(sums));
        var factor = maximumNorm / (norm + 1e-6);
        if (maximumNorm > 0 && !(factor >= 1))
        {
            foreach (var part in parts)
            {
                OptimizerKernels.Scale(Matrix.Address(part.Sum), (float)factor, part.Sum.numel());
            }
        }

        return full([], Scalars.Of(norm), ScalarType.Float32);
    }

    private static Tensor ByKernels(
        IReadOnlyList<ShardGradient> parts,
        ParameterLayout layout,
        double maximumNorm,
        IReadOnlyList<UpdateKernels> kernels
    )
    {
        var sums = empty([Blocks(layout, UpdateKernels.SquareNumbers), 1], ScalarType.Float64, parts[0].Sum.device);
        foreach (var (part, first, range) in BlocksOf(parts, layout, UpdateKernels.SquareNumbers))
        {
            var squares = kernels[Array.IndexOf([.. parts], part)].SquareSums(part.Of(range));
            sums.narrow(0, first, squares.shape[0]).copy_(squares);
        }

        var sum = kernels[0].Added(sums);
        if (maximumNorm > 0)
        {
            foreach (var (part, own) in parts.Zip(kernels).Where(one => one.First.Sum.numel() > 0))
            {
                own.Clip(part.Sum, sum.to(part.Sum.device), maximumNorm);
            }
        }

        return sum.sqrt().to(ScalarType.Float32).reshape([]);
    }

    private static long Blocks(ParameterLayout layout, long block) => (layout.Length + block - 1) / block;

    /// <summary>Every block of the gradient once, by the part in whose own range its first number is.</summary>
    /// <returns>Neighbours together: the first one's number, and their range of the layout.</returns>
    private static IEnumerable<(ShardGradient Part, long First, FlatRange Range)> BlocksOf(
        IReadOnlyList<ShardGradient> parts,
        ParameterLayout layout,
        long block
    ) =>
        from part in parts
        from own in part.Own.Ranges
        let first = (own.Start + block - 1) / block
        let start = first * block
        let end = Math.Min((own.End + block - 1) / block * block, layout.Length)
        where start < end
        select (part, first, new FlatRange(start, end - start));
}
