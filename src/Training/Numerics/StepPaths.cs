using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Training.Numerics;

/// <summary>Chooses a path.</summary>
internal static class StepPaths
{
    /// <param name="onProcessor">Whether the device is one.</param>
    public static StepPath Of(StagePlan plan, bool onProcessor) => onProcessor && Covers(plan) ? StepPath.Fused : StepPath.Composed;

    /// <summary>Whether the fused path has all that the plan asks for.</summary>
    private static bool Covers(StagePlan plan)
    {
        var (model, stage) = (plan.Model, plan.Stage);
        var widest = Math.Max(2L * ParameterTable.HiddenWidth(model), 3L * model.Width);
        return model is { Products: MatrixPrecision.F32, KeyOffset: false, HeadMixing: false, Xsa: null, MtpBlock: false }
            && stage is { Recurrence: null, Recompute: false }
            // Scores are exponents as they are.
            && model.Width / model.Heads <= 4096
            // Kernels count a matrix's numbers in 32 bits.
            && stage.DeviceRows * (long)model.SequenceLength * widest < int.MaxValue;
    }
}
