using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>How many rows of logits a training step has in memory at once; those of all rows would take more than the
/// activations.</summary>
public static class LogitRows
{
    /// <summary>Rows of a padded vocabulary are a multiple of this: tensor cores read bfloat16 matrices in blocks, and odd sizes miss
    /// them.</summary>
    public const int PadTo = 128;

    // 64 MiB of float32, of which a softmax and its gradient need a handful: what a processor's caches and memory take well.
    private const long NumbersOnProcessor = 1L << 24;

    // As many as a product needs to keep an H100 busy; fewer and longer chunks would only cost memory.
    private const long OnGpu = 2048;

    /// <param name="gpu">Whether the device is one.</param>
    public static long AtOnce(ModelRecipe model, bool gpu)
    {
        ArgumentNullException.ThrowIfNull(model);
        return gpu ? OnGpu : Math.Max(1, NumbersOnProcessor / model.VocabSize);
    }

    /// <summary>The vocabulary with the rows of padding that products in bfloat16 get.</summary>
    public static long Padded(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return (model.VocabSize + PadTo - 1L) / PadTo * PadTo;
    }
}
