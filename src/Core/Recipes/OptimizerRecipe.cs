using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Muon for matrices, AdamW for the rest; upstream's record 9 values.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>Scales every learning rate below but <see cref="HeadMixLearningRate"/>.</summary>
    [Range(0, double.PositiveInfinity, MinimumIsExclusive = true)]
    public double LearningRateMultiplier { get; init; } = 0.25;

    /// <summary>Muon; a tall R x K matrix takes √(R/K) times as much.</summary>
    [Range(0, double.PositiveInfinity)]
    public double MatrixLearningRate { get; init; } = 0.04;

    [Range(0, double.PositiveInfinity)]
    public double EmbeddingLearningRate { get; init; } = 0.15;

    [Range(0, double.PositiveInfinity)]
    public double UnembeddingLearningRate { get; init; } = 0.002;

    /// <summary>x0 lambdas, XSA strengths, norms of shared blocks, and gates where AdamW has them; residual lambdas and skip weights take
    /// a hundredth.</summary>
    [Range(0, double.PositiveInfinity)]
    public double ScalarLearningRate { get; init; } = 0.1;

    /// <summary>Head mixing (IHA). Not scaled by <see cref="LearningRateMultiplier"/>.</summary>
    [Range(0, double.PositiveInfinity)]
    public double HeadMixLearningRate { get; init; } = 0.02;

    /// <summary>Of matrices and both embedding tables, decoupled (arXiv:1711.05101); the other parameters have none.</summary>
    [Range(0, double.PositiveInfinity)]
    public double WeightDecay { get; init; } = 1.3;

    /// <summary>
    /// Fraction of the steps, at the end, in which the learning rate falls to 0: along a line or a root from 1, or in a cycle along a
    /// cosine from its floor.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Warmdown { get; init; } = 0.2;

    /// <summary>Who updates attn_gate: Muon in most records, AdamW in the 15-minute track.</summary>
    public GateOptimizer AttentionGates { get; init; } = GateOptimizer.Muon;

    /// <summary>MuonEq-R: every row of Muon's update is scaled to length 1 before it is made orthogonal (upstream's record 11).</summary>
    public bool RowNormalization { get; init; }

    /// <summary>Precision of the matrix products that make Muon's update orthogonal. Upstream: BF16, on GPU.</summary>
    public OrthogonalizationPrecision Orthogonalization { get; init; } = OrthogonalizationPrecision.F32;

    public LearningRateSchedule LearningRate { get; init; } = new();

    public WeightDecaySchedule Decay { get; init; } = new();

    public MomentumSchedule Momentum { get; init; } = new();
}

public enum GateOptimizer
{
    Muon,
    AdamW,
}

public enum OrthogonalizationPrecision
{
    F32,

    /// <summary>bfloat16 matrices, products summed in float32.</summary>
    BF16,
}
