using Slowrun.Core.Models;
using Slowrun.Core.Schedules;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>AdamW (arXiv:1711.05101) for one range of the flat buffer; the decay is applied first, as upstream does.</summary>
internal sealed class AdamWGroup(ParameterGroup group, FlatRange range, StepPath path, UpdateKernels? kernels)
{
    /// <param name="first">First moments, laid out as the parameters; likewise <paramref name="second"/>.</param>
    /// <param name="step">This step's number, from 1.</param>
    public void Step(Tensor parameters, Tensor gradient, Tensor first, Tensor second, long step, ScheduleValues values)
    {
        if (path == StepPath.Fused)
        {
            Fused(parameters, gradient, first, second, step, values);
            return;
        }

        using var scope = NewDisposeScope();
        if (kernels is not null)
        {
            Tensor Of(Tensor flat) => flat.narrow(0, range.Start, range.Length);
            kernels.AdamW(Of(parameters), Of(gradient), Of(first), Of(second), Multipliers(step, values));
            return;
        }

        var p = parameters.narrow(0, range.Start, range.Length);
        var g = gradient.narrow(0, range.Start, range.Length);
        var m = first.narrow(0, range.Start, range.Length);
        var v = second.narrow(0, range.Start, range.Length);
        var learningRate = group.LearningRate * values.LearningRate;
        p.mul_(Scalars.Of(1 - (learningRate * group.WeightDecay * values.WeightDecay)));
        m.mul_(Scalars.Of(group.Beta1)).add_(g, Scalars.Of(1 - group.Beta1));
        v.mul_(Scalars.Of(group.Beta2)).addcmul_(g, g, Scalars.Of(1 - group.Beta2));
        var root = v.sqrt().mul_(Scalars.Of(1 / Math.Sqrt(1 - Math.Pow(group.Beta2, step)))).add_(Scalars.Of(group.Epsilon), Scalars.One);
        p.addcdiv_(m, root, Scalars.Of(-learningRate / (1 - Math.Pow(group.Beta1, step))));
    }

    private unsafe void Fused(Tensor parameters, Tensor gradient, Tensor first, Tensor second, long step, ScheduleValues values)
    {
        OptimizerKernels.AdamW(
            Matrix.Address(parameters) + range.Start,
            Matrix.Address(gradient) + range.Start,
            Matrix.Address(first) + range.Start,
            Matrix.Address(second) + range.Start,
            Multipliers(step, values),
            range.Length
        );
    }

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
