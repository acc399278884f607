namespace Slowrun.Core.Recipes;

/// <summary>Muon for matrices, AdamW for the rest; upstream's record 9 values.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>Scales every learning rate below.</summary>
    public double LearningRateMultiplier { get; init; } = 0.25;

    /// <summary>Muon.</summary>
    public double MatrixLearningRate { get; init; } = 0.04;

    public double EmbeddingLearningRate { get; init; } = 0.15;

    public double UnembeddingLearningRate { get; init; } = 0.002;

    public double ScalarLearningRate { get; init; } = 0.1;

    public double WeightDecay { get; init; } = 1.3;

    /// <summary>Fraction of the steps, at the end, in which the learning rate falls linearly to 0.</summary>
    public double Warmdown { get; init; } = 0.2;
}
