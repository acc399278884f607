using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>How many keys before its own a query of each layer sees.</summary>
/// <param name="Narrow">Of layers marked S.</param>
/// <param name="Wide">Of layers marked L, and of the last.</param>
public readonly record struct AttentionWindows(int Narrow, int Wide)
{
    public static AttentionWindows Of(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new(model.ShortWindow ?? model.SequenceLength / 2, model.LongWindow ?? model.SequenceLength);
    }

    public static bool IsLong(ModelRecipe model, int layer)
    {
        ArgumentNullException.ThrowIfNull(model);
        return layer == model.Layers - 1 || model.WindowPattern[layer % model.WindowPattern.Length] == 'L';
    }

    public int At(ModelRecipe model, int layer) => IsLong(model, layer) ? Wide : Narrow;
}
