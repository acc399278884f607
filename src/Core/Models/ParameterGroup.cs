namespace Slowrun.Core.Models;

/// <summary>Parameters that are updated together, with the values of a step whose schedule factors are all 1.</summary>
public sealed record ParameterGroup
{
    public required OptimizerKind Kind { get; init; }

    /// <summary>In registration order; a Muon group's are matrices of one shape.</summary>
    public required IReadOnlyList<ParameterSpec> Parameters { get; init; }

    public required double LearningRate { get; init; }

    public required double WeightDecay { get; init; }

    /// <summary>AdamW's decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.8;

    /// <summary>AdamW's decay of the second moment, or Muon's of its per-row (per-column) one.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>AdamW's: added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-10;

    /// <summary>Muon's: a tall matrix learns faster, by the root of its height over its width.</summary>
    public double ShapeScale { get; init; } = 1;

    /// <summary>Fraction of the stage's steps after which it is updated: before, no layer reads it.</summary>
    public double FromFraction { get; init; }

    public bool Equals(ParameterGroup? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public enum OptimizerKind
{
    AdamW,
    Muon,
}
