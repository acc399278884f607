using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>One forward and backward pass' worth of rows, and how it is passed.</summary>
/// <param name="Tokens">[B, T + 1] int64, on the worker's device: inputs and, one further, their targets.</param>
/// <param name="Key">Of all randomness in it: a function of (seed, step, micro-batch).</param>
internal readonly record struct MicroBatch(Tensor Tokens, StepSettings Settings, ulong Key)
{
    public long Length => Tokens.shape[1] - 1;

    public Tensor Inputs => Tokens.narrow(1, 0, Length);

    public Tensor Targets => Tokens.narrow(1, 1, Length);

    /// <summary>The pass of training, with what the recipe drops.</summary>
    /// <param name="masksOnDevice">Whether dropout masks are made where they are used.</param>
    /// <param name="recomputed">Where blocks that are computed again leave their gradients.</param>
    public ForwardPass Pass(
        Core.Recipes.ModelRecipe model,
        Core.Recipes.StageRecipe stage,
        bool masksOnDevice,
        RecomputedGradients recomputed
    )
    {
        var uniforms = CounterRandom.Key(Key, 1);
        ulong drawn = 0;
        var dropout = Settings.Dropout ?? stage.Dropout;
        return new ForwardPass
        {
            Loop = Settings.Loop,
            Recurrences = Settings.Recurrences,
            Layers = Settings.Layers,
            Windows = Settings.Windows,
            Dropout = dropout > 0 ? new Dropout(CounterRandom.Key(Key, 0), dropout, masksOnDevice) : null,
            MlpDropout = stage.MlpDropout,
            Recompute = stage.Recompute ? recomputed : null,
            Depth =
                stage.StochasticDepth > 0
                    ? new StochasticDepth(stage.StochasticDepth, model.Layers, () => CounterRandom.Uniform(uniforms, drawn++))
                    : null,
        };
    }
}
