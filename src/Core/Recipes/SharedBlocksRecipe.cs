using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>
/// Layers that share their weights (universal transformer, arXiv:1807.03819, in upstream's form): all encoder layers are passes of one
/// block, all decoder layers of another. Each layer keeps norms with gains and biases, gates, lambdas, its skip and its value projection.
/// </summary>
public sealed record SharedBlocksRecipe
{
    /// <summary>Attentions of a block, one behind the other, each with weights of its own; the MLP comes after them.</summary>
    [Range(1, 8)]
    public int Attentions { get; init; } = 2;

    /// <summary>Width of the block's SwiGLU layer, in widths of the stream.</summary>
    [Range(1, 64)]
    public int HiddenMultiple { get; init; } = 8;
}
