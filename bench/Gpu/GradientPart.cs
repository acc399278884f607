using System.Runtime.InteropServices;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Stages;

namespace Slowrun.Gpu;

/// <summary>
/// How far bfloat16 products take the gradient from float32's: after the first step every first moment is the gradient times one number, so
/// that the moments' relative distance is the gradients'.
/// </summary>
internal static class GradientPart
{
    public static int Run(Bench bench)
    {
        var (rounded, roundedLoss) = Moments(bench, MatrixPrecision.BF16);
        var (exact, exactLoss) = Moments(bench, MatrixPrecision.F32);
        double apart = 0,
            length = 0;
        foreach (var (a, b) in rounded.Zip(exact))
        {
            var x = MemoryMarshal.Cast<byte, float>(a);
            var y = MemoryMarshal.Cast<byte, float>(b);
            for (var i = 0; i < x.Length; i++)
            {
                apart += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
                length += (double)y[i] * y[i];
            }
        }

        return Bench.Tell(
            "gradients",
            "15m, 4 layers",
            ("relativeError", Math.Sqrt(apart / length)),
            ("lossNats", roundedLoss),
            ("lossError", Math.Abs(roundedLoss - exactLoss))
        );
    }

    private static (List<byte[]> Moments, double Loss) Moments(Bench bench, MatrixPrecision products)
    {
        var plan = Sizes.Plan(bench, "15m", 2, layers: 4);
        plan = plan with
        {
            Model = plan.Model with { Products = products },
            Stage = plan.Stage with { DeviceRows = Math.Min(plan.Stage.DeviceRows, 4), ClipNorm = 0 },
        };
        plan = plan with { Stage = plan.Stage with { BatchTokens = 2 * plan.Stage.DeviceRows * plan.Model.SequenceLength } };
        using var training = StageTraining.Begin(new StageInputs { Plan = plan, Train = MadeUp.Tokens(plan) }, bench.Compute);
        var loss = training.RunStep(CancellationToken.None).LossNats;
        using var buffer = new StateBuffer(training.StateLayout);
        training.Capture(buffer);
        return (
            [
                .. buffer
                    .Tensors.Where(tensor => tensor.Name.EndsWith("/first", StringComparison.Ordinal))
                    .Select(tensor => tensor.Bytes.ToArray()),
            ],
            loss
        );
    }
}
