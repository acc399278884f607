using Slowrun.Core.Models;
using Slowrun.Core.Schedules;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>AdamW (arXiv:1711.05101) for neighbouring parameters of one group; the decay is applied first, as upstream does.</summary>
internal sealed class AdamWGroup(ParameterGroup group, StepPath path, UpdateKernels? kernels)
{
    private readonly bool rounded = group.Parameters.All(parameter => parameter.Rounded);

    /// <param name="p">Parameters, flat, as their gradient, first and second moments.</param>
    /// <param name="step">This step's number, from 1.</param>
    public void Step(Tensor p, Tensor g, Tensor m, Tensor v, long step, ScheduleValues values)
    {
        if (path == StepPath.Fused)
        {
            Fused(p, g, m, v, step, values);
        }
        else if (kernels is not null)
        {
            kernels.AdamW(p, g, m, v, Multipliers(step, values));
        }
        else
        {
            Composed(p, g, m, v, step, values);
        }

        if (rounded)
        {
            // As upstream's compiled step: computed in float32, rounded once where it is stored.
            foreach (var stored in (Tensor[])[p, m, v])
            {
                Rounding.ToBfloat16(stored);
            }
        }
    }

    private void Composed(Tensor p, Tensor g, Tensor m, Tensor v, long step, ScheduleValues values)
    {
        using var scope = NewDisposeScope();
        var learningRate = group.LearningRate * values.LearningRate;
        p.mul_(Scalars.Of(1 - (learningRate * group.WeightDecay * values.WeightDecay)));
        m.mul_(Scalars.Of(group.Beta1)).add_(g, Scalars.Of(1 - group.Beta1));
        v.mul_(Scalars.Of(group.Beta2)).addcmul_(g, g, Scalars.Of(1 - group.Beta2));
        var root = v.sqrt().mul_(Scalars.Of(1 / Math.Sqrt(1 - Math.Pow(group.Beta2, step)))).add_(Scalars.Of(group.Epsilon), Scalars.One);
        p.addcdiv_(m, root, Scalars.Of(-learningRate / (1 - Math.Pow(group.Beta1, step))));
    }

    private unsafe void Fused(Tensor p, Tensor g, Tensor m, Tensor v, long step, ScheduleValues values) =>
        OptimizerKernels.AdamW(
            Matrix.Address(p),
            Matrix.Address(g),
            Matrix.Address(m),
            Matrix.Address(v),
            Multipliers(step, values),
            p.numel()
        );

    private AdamWScalars Multipliers(long step, ScheduleValues values)
    {
        var learningRate = group.LearningRate * values.LearningRate;
        return new AdamWScalars(
            Decay: (float)(1 - (learningRate * group.WeightDecay * values.WeightDecay)),
            Beta1: (float)group.Beta1,
            New1: (float)(1 - group.Beta1),
            Beta2: (float)group.Beta2,
            New2: (float)(1 - group.Beta2),
            Root: (float)(1 / Math.Sqrt(1 - Simd.Power(group.Beta2, step))),
            Epsilon: (float)group.Epsilon,
            Rate: (float)(learningRate / (1 - Simd.Power(group.Beta1, step)))
        );
    }
}
