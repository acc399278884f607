namespace Slowrun.Core.Recipes;

/// <summary>How one stage trains.</summary>
public sealed record StageRecipe
{
    /// <summary>Tokens of one optimizer step.</summary>
    public int BatchTokens { get; init; } = 1_024;

    /// <summary>Rows of one micro-batch; BatchTokens / (DeviceRows · SequenceLength) micro-batches make a step.</summary>
    public int DeviceRows { get; init; } = 4;

    /// <summary>L of the lanes: micro-batch i belongs to lane i mod L; a power of two.</summary>
    public int Lanes { get; init; } = 2;

    /// <summary>Passes over the training set.</summary>
    public double Epochs { get; init; } = 10;

    public double Dropout { get; init; } = 0.1;

    /// <summary>Global L2 norm to which the averaged gradient is clipped; 0: never.</summary>
    public double ClipNorm { get; init; } = 1.0;

    /// <summary>Which layers are looped in this stage; null: none.</summary>
    public LoopRecipe? Loop { get; init; }

    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>How a stage learns from the one before it. Null: no teacher.</summary>
    public DistillationRecipe? Distillation { get; init; }

    public SelectionRecipe Selection { get; init; } = new();
}

/// <summary>Layers [Start, End) are passed <see cref="Replays"/> more times, from a fraction of the training on.</summary>
public sealed record LoopRecipe
{
    public required int Start { get; init; }

    public required int End { get; init; }

    /// <summary>EXTRA passes: upstream's "four loops" are four extra passes, five in all.</summary>
    public int Replays { get; init; } = 4;

    /// <summary>Fraction of the stage's steps after which looping begins; 0: always.</summary>
    public double FromFraction { get; init; } = 0.5;
}

/// <summary>Chain distillation (arXiv:1503.02531): loss = (1-α)·CE + α·T²·KL(teacher ‖ student).</summary>
public sealed record DistillationRecipe
{
    public double Alpha { get; init; } = 0.7;

    public double Temperature { get; init; } = 1.0;

    /// <summary>The first stage of the chain that has a teacher.</summary>
    public int FromStage { get; init; } = 1;
}

/// <summary>Which weights a finished stage keeps.</summary>
public sealed record SelectionRecipe
{
    public SelectionRule Rule { get; init; } = SelectionRule.Final;
}

public enum SelectionRule
{
    /// <summary>The weights after the last step.</summary>
    Final,

    /// <summary>The weights with the best validation loss at a data epoch's end: for a baseline, whom it favours.</summary>
    BestValidation,
}
