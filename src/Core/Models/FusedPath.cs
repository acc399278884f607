using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>What the engine's own kernels can train on a processor; all else is composed of its library's operations (decision
/// 0022).</summary>
public static class FusedPath
{
    /// <summary>Whether they have all that a stage asks for: a function of the recipe alone.</summary>
    public static bool Covers(ModelRecipe model, StageRecipe stage)
    {
        var widest = Math.Max(2L * ParameterTable.HiddenWidth(model), 3L * model.Width);
        return model is { Products: MatrixPrecision.F32, KeyOffset: false, HeadMixing: false, Xsa: null, Yarn: null, SharedBlocks: null }
            && stage is { Recurrence: null, Recompute: false }
            // Scores are exponents as they are.
            && model.Width / model.Heads <= 4096
            // Kernels count a matrix's numbers in 32 bits.
            && stage.DeviceRows * (long)model.SequenceLength * widest < int.MaxValue;
    }
}
