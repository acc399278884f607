using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Muon (kellerjordan.github.io/posts/muon) for matrices R x K of one shape: Nesterov momentum, made orthogonal, normalised by a second
/// moment kept per row (tall) or column (wide) as in NorMuon (arXiv:2510.05491), with cautious weight decay (arXiv:2411.16085). Each matrix
/// is updated by itself.
/// </summary>
internal sealed class MuonGroup
{
    private readonly ParameterGroup group;
    private readonly long rows;
    private readonly long columns;

    private readonly StepPath path;
    private readonly UpdateKernels? kernels;

    public MuonGroup(ParameterGroup group, StepPath path, UpdateKernels? kernels)
    {
        (this.group, this.path, this.kernels) = (group, path, kernels);
        (rows, columns) = (group.Parameters[0].Shape[0], group.Parameters[0].Shape[1]);
    }

    /// <summary>The second moment is averaged over this dimension of (N, R, K): the shorter one's vectors are kept.</summary>
    private bool Tall => rows >= columns;

    /// <param name="p">Neighbouring matrices, flat, as their gradient and momentum.</param>
    /// <param name="second">Their running mean squares, flat: R of each tall matrix, K of each wide one.</param>
    public void Step(Tensor p, Tensor g, Tensor m, Tensor second, ScheduleValues values, OptimizerRecipe recipe)
    {
        using var scope = NewDisposeScope();
        var count = p.numel() / (rows * columns);
        Tensor Stack(Tensor flat) => flat.view(count, rows, columns);
        Update(Stack(p), Stack(g), Stack(m), second.view(count, Tall ? rows : 1, Tall ? 1 : columns), values, recipe);
    }

    private void Update(Tensor p, Tensor g, Tensor m, Tensor second, ScheduleValues values, OptimizerRecipe recipe)
    {
        if (path == StepPath.Fused)
        {
            Fused(p, g, m, second, values, recipe);
            return;
        }

        if (kernels is not null)
        {
            ByKernels(kernels, p, g, m, second, values, recipe);
            return;
        }

        m.mul_(Scalars.Of(values.Momentum)).add_(g, Scalars.Of(1 - values.Momentum));
        var u = g.mul(Scalars.Of(1 - values.Momentum)).add_(m, Scalars.Of(values.Momentum));
        if (recipe.RowNormalization)
        {
            u.div_(u.norm(-1, keepdim: true).clamp_min_(Scalars.Of(1e-7)));
        }

        var x = Orthogonalization.Apply(u, recipe.Orthogonalization);
        NormalizeVariance(x, second);

        var learningRate = group.LearningRate * values.LearningRate * group.ShapeScale;
        var weightDecay = group.WeightDecay * values.WeightDecay;
        // Cautious: only where update and weight have one sign would the decay push the same way as the update.
        var decayed = p.mul(x.mul(p).ge(Scalars.Of(0)));
        p.add_(x, Scalars.Of(-learningRate)).add_(decayed, Scalars.Of(-learningRate * weightDecay));
    }

    private unsafe void Fused(Tensor p, Tensor g, Tensor m, Tensor second, ScheduleValues values, OptimizerRecipe recipe)
    {
        var u = empty_like(g);
        var (momentum, rest) = ((float)values.Momentum, (float)(1 - values.Momentum));
        OptimizerKernels.Momentum(Matrix.Address(g), Matrix.Address(m), Matrix.Address(u), momentum, rest, g.numel());
        var (count, kept) = (g.shape[0], (int)(Tall ? rows : columns));
        if (recipe.RowNormalization)
        {
            OptimizerKernels.NormalizeRows(Matrix.Address(u), (int)(count * rows), (int)columns);
        }

        var x =
            recipe.Orthogonalization == OrthogonalizationPrecision.F32
                ? Orthogonalization.ApplyInPlace(u)
                : Orthogonalization.Apply(u, recipe.Orthogonalization).contiguous();
        var scalars = Multipliers(values);
        fixed (float* means = new float[kept])
        {
            for (long i = 0; i < count; i++)
            {
                var at = i * rows * columns;
                OptimizerKernels.NormalizedStep(
                    Matrix.Address(p) + at,
                    Matrix.Address(x) + at,
                    Matrix.Address(second) + (i * kept),
                    means,
                    scalars,
                    (int)rows,
                    (int)columns
                );
            }
        }
    }

    private void ByKernels(UpdateKernels update, Tensor p, Tensor g, Tensor m, Tensor second, ScheduleValues values, OptimizerRecipe recipe)
    {
        var u = update.Momentum(g, m, (float)values.Momentum, (float)(1 - values.Momentum));
        if (recipe.RowNormalization)
        {
            update.NormalizeRows(u);
        }

        update.NormalizedStep(p, Orthogonalization.Apply(u, recipe.Orthogonalization).contiguous(), second, Multipliers(values));
    }

    private MuonScalars Multipliers(ScheduleValues values)
    {
        var learningRate = group.LearningRate * values.LearningRate * group.ShapeScale;
        return new MuonScalars(
            Beta2: (float)group.Beta2,
            New2: (float)(1 - group.Beta2),
            Rate: (float)learningRate,
            RateDecay: (float)(learningRate * group.WeightDecay * values.WeightDecay)
        );
    }

    /// <summary>Evens out rows (columns) by their running mean square, and keeps the length of each matrix.</summary>
    private void NormalizeVariance(Tensor x, Tensor second)
    {
        var averaged = Tall ? columns : rows;
        var meanSquare = x.pow(Scalars.Two).mean([Tall ? -1L : -2L], keepdim: true);
        second.mul_(Scalars.Of(group.Beta2)).add_(meanSquare, Scalars.Of(1 - group.Beta2));
        var scale = second.clamp_min(Scalars.Of(1e-10)).rsqrt_();
        var before = meanSquare.sum([-2L, -1L], keepdim: true).mul_(Scalars.Of(averaged)).sqrt_();
        var after = scale
            .pow(Scalars.Two)
            .mul_(meanSquare)
            .sum([-2L, -1L], keepdim: true)
            .mul_(Scalars.Of(averaged))
            .sqrt_()
            .clamp_min_(Scalars.Of(1e-10));
        x.mul_(scale.mul_(before.div_(after)));
    }
}
