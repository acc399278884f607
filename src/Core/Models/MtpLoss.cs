using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>The multi-token block's part of the loss.</summary>
public static class MtpLoss
{
    /// <summary>Whether it counts; where it does not, the block is not computed.</summary>
    /// <param name="alpha">The teacher's share of the loss; 0: none teaches.</param>
    public static bool Counts(ModelRecipe model, StageRecipe stage, double alpha)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stage);
        return model.MtpBlock && stage.MtpWeight != 0 && alpha < 1;
    }
}
