using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>How one stage trains.</summary>
public sealed record StageRecipe
{
    /// <summary>Tokens of one optimizer step.</summary>
    [Range(1, int.MaxValue)]
    public int BatchTokens { get; init; } = 1_024;

    /// <summary>Tokens of a step in the first and the last quarter of a chain's stages (record 12). Null:
    /// <see cref="BatchTokens"/>.</summary>
    [Range(1, int.MaxValue)]
    public int? OuterBatchTokens { get; init; }

    /// <summary>Stages after the first continue the one before them. Null: every stage begins with fresh weights (record 9).</summary>
    public ContinuationRecipe? Continuation { get; init; }

    /// <summary>Rows of one micro-batch; BatchTokens / (DeviceRows · SequenceLength) micro-batches make a step.</summary>
    [Range(1, 65_536)]
    public int DeviceRows { get; init; } = 4;

    /// <summary>L of the lanes: micro-batch i belongs to lane i mod L; a power of two.</summary>
    [Range(1, 64, ErrorMessage = "a power of two")]
    public int Lanes { get; init; } = 2;

    /// <summary>Passes over the training set.</summary>
    [Range(0, 100_000.0, MinimumIsExclusive = true)]
    public double Epochs { get; init; } = 10;

    /// <summary>Probability with which each number of the attention's output is dropped (arXiv:1207.0580).</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Dropout { get; init; } = 0.1;

    /// <summary>Changes <see cref="Dropout"/> over the stage. Null: it stays as it is.</summary>
    public DropoutSchedule? DropoutSchedule { get; init; }

    /// <summary>Drops numbers of the MLP's output too, with the same probability (off in the 15-minute track).</summary>
    public bool MlpDropout { get; init; } = true;

    /// <summary>
    /// Probability with which the last layer is skipped; layer i of L is with i/(L-1) of it (stochastic depth, arXiv:1603.09382). As
    /// upstream, nothing is rescaled.
    /// </summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double StochasticDepth { get; init; }

    /// <summary>Global L2 norm to which the averaged gradient is clipped; 0: never.</summary>
    [Range(0, double.PositiveInfinity)]
    public double ClipNorm { get; init; } = 1.0;

    /// <summary>Share of the target that is spread over the vocabulary (arXiv:1512.00567).</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double LabelSmoothing { get; init; }

    /// <summary>Weight of the loss of <see cref="ModelRecipe.MtpBlock"/>.</summary>
    [Range(0, double.PositiveInfinity)]
    public double MtpWeight { get; init; } = 0.3;

    /// <summary>Trains the same logits on tokens further ahead as well. Null: off.</summary>
    public FutureTokensRecipe? FutureTokens { get; init; }

    /// <summary>Which layers are looped in this stage; null: none.</summary>
    public LoopRecipe? Loop { get; init; }

    /// <summary>Passes the whole network several times over its own output; null: once.</summary>
    public RecurrenceRecipe? Recurrence { get; init; }

    /// <summary>Narrower windows for the first data epochs, in order; empty: the model's windows from the start.</summary>
    public IReadOnlyList<WindowPhase> Windows { get; init; } = [];

    /// <summary>Fewer layers for the first parts of the stage, in order; of models with <see cref="ModelRecipe.SharedBlocks"/>. Null: all
    /// from the start.</summary>
    public IReadOnlyList<DepthPhase>? Depth { get; init; }

    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>How a stage learns from those before it, or the first from <see cref="Recipe.Teacher"/>. Null: no teacher.</summary>
    public DistillationRecipe? Distillation { get; init; }

    public SelectionRecipe Selection { get; init; } = new();

    /// <summary>Computes activations again in the backward pass instead of keeping them: less memory, same bytes.</summary>
    public bool Recompute { get; init; }

    public bool Equals(StageRecipe? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
