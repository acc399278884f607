using Slowrun.Core.Models;
using Slowrun.Core.Recipes;

namespace Slowrun.Training.Models;

/// <summary>How the network is passed this time: what depends on step or purpose rather than on the model.</summary>
internal sealed record ForwardPass
{
    /// <summary>Layers passed again; null: none.</summary>
    public LoopRecipe? Loop { get; init; }

    /// <summary>Passes of the whole network over its own output; 0: once, and without the norm that ends each recurrent pass.</summary>
    public int Recurrences { get; init; }

    /// <summary>Layers that take part, half of them the first, half the last; null: all.</summary>
    public int? Layers { get; init; }

    public required AttentionWindows Windows { get; init; }

    /// <summary>Null: nothing is dropped.</summary>
    public Dropout? Dropout { get; init; }

    public bool MlpDropout { get; init; } = true;

    /// <summary>Null: no block is skipped.</summary>
    public StochasticDepth? Depth { get; init; }

    /// <summary>
    /// Keys and values of the tokens before, for generating one token after the other: positions then go on where it ends. Null: the
    /// tokens given are all there are.
    /// </summary>
    public KeyValueCache? Cache { get; init; }

    /// <summary>Where the backward pass leaves gradients of blocks whose activations it computes again. Null: it finds them kept.</summary>
    public RecomputedGradients? Recompute { get; init; }
}
