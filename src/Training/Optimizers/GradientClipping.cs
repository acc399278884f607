using Slowrun.Core.Models;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Clips the averaged gradient by its global L2 norm, as upstream's newer code does: clipping before averaging, as record 9 did, makes
/// the result depend on how many devices there are.
/// </summary>
public static class GradientClipping
{
    /// <inheritdoc cref="Clip(Tensor, ParameterLayout, double)"/>
    internal static unsafe Tensor Clip(
        Tensor gradient,
        ParameterLayout layout,
        double maximumNorm,
        StepPath path,
        UpdateKernels? kernels = null
    )
    {
        if (kernels is not null)
        {
            return kernels.Clip(gradient, maximumNorm);
        }

        if (path != StepPath.Fused)
        {
            return Clip(gradient, layout, maximumNorm);
        }

        // Gaps between groups are 0.
        var data = Matrix.Address(gradient);
        var norm = Math.Sqrt(OptimizerKernels.SquareSum(data, gradient.numel()));
        var factor = maximumNorm / (norm + 1e-6);
        if (maximumNorm > 0 && !(factor >= 1))
        {
            OptimizerKernels.Scale(data, (float)factor, gradient.numel());
        }

        return full([], Scalars.Of(norm), ScalarType.Float32);
    }

    /// <param name="gradient">(Layout.Length) float32, scaled in place unless <paramref name="maximumNorm"/> is 0.</param>
    /// <returns>The norm before clipping: a float32 scalar on the gradient's device, owned by the caller.</returns>
    public static Tensor Clip(Tensor gradient, ParameterLayout layout, double maximumNorm)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        ArgumentNullException.ThrowIfNull(layout);
        using var scope = NewDisposeScope();
        // The norm of norms: a single sum of a billion float32 squares would lose the small ones.
        var norms = layout.Parameters.Select(place => gradient.narrow(0, place.Offset, place.Spec.Count).norm());
        var norm = stack(norms).norm();
        if (maximumNorm > 0)
        {
            // Multiplied even when it is 1: whether it is would have to be waited for.
            gradient.mul_(norm.add(Scalars.Of(1e-6), Scalars.One).reciprocal_().mul_(Scalars.Of(maximumNorm)).clamp_max_(Scalars.Of(1.0)));
        }

        return norm.MoveToOuterDisposeScope();
    }
}
