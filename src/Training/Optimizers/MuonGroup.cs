using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Muon (kellerjordan.github.io/posts/muon) for one stack of N matrices R x K: Nesterov momentum, made orthogonal, normalised by a second
/// moment kept per row (tall) or column (wide) as in NorMuon (arXiv:2510.05491), with cautious weight decay (arXiv:2411.16085).
/// </summary>
internal sealed class MuonGroup
{
    // Temporaries of a step take about six times this many float32 numbers; without chunks a billion-parameter model would need
    // several copies of its largest stack. Each matrix is updated by itself, so where the cut lies changes nothing but memory.
    private const long ChunkNumbers = 1L << 26;

    private readonly ParameterGroup group;
    private readonly FlatRange range;
    private readonly long n;
    private readonly long rows;
    private readonly long columns;

    private readonly StepPath path;
    private readonly UpdateKernels? kernels;

    public MuonGroup(ParameterGroup group, FlatRange range, StepPath path, UpdateKernels? kernels)
    {
        (this.path, this.kernels) = (path, kernels);
        this.group = group;
        this.range = range;
        n = group.Parameters.Count;
        (rows, columns) = (group.Parameters[0].Shape[0], group.Parameters[0].Shape[1]);
    }

    /// <summary>The second moment is averaged over this dimension of (N, R, K): the shorter one's vectors are kept.</summary>
    private bool Tall => rows >= columns;

    /// <summary>Numbers of all its matrices.</summary>
    public long Length => n * rows * columns;

    /// <summary>Numbers of the second moment: [N, R, 1] of tall matrices, [N, 1, K] of wide ones.</summary>
    public long SecondMomentLength => n * (Tall ? rows : columns);

    /// <param name="parameters">Flat, as the gradient.</param>
    /// <param name="momentum">Flat first moments of all Muon groups, beginning at <paramref name="momentumStart"/> of the layout.</param>
    /// <param name="second">This group's part of the second moments.</param>
    public void Step(
        Tensor parameters,
        Tensor gradient,
        Tensor momentum,
        long momentumStart,
        Tensor second,
        ScheduleValues values,
        OptimizerRecipe recipe
    )
    {
        var chunk = Math.Max(1, ChunkNumbers / (rows * columns));
        for (long first = 0; first < n; first += chunk)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(chunk, n - first);
            var start = range.Start + (first * rows * columns);
            var kept = Tall ? rows : columns;
            Update(
                Stack(parameters, start, count),
                Stack(gradient, start, count),
                Stack(momentum, start - momentumStart, count),
                second.narrow(0, first * kept, count * kept).view(count, Tall ? rows : 1, Tall ? 1 : columns),
                values,
                recipe
            );
        }
    }

    private Tensor Stack(Tensor flat, long start, long count) => flat.narrow(0, start, count * rows * columns).view(count, rows, columns);

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
