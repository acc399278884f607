using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>The factor of <see cref="OptimizerRecipe.WeightDecay"/> over a stage's steps.</summary>
public sealed record WeightDecaySchedule
{
    public WeightDecayShape Shape { get; init; } = WeightDecayShape.Constant;

    /// <summary>InverseToLearningRate: the factor while the learning rate is highest. Sawtooth: the lowest factor.</summary>
    [Range(0, double.PositiveInfinity)]
    public double Floor { get; init; } = 0.7;

    /// <summary>Sawtooth: the factor at each averaged epoch's end.</summary>
    [Range(0, double.PositiveInfinity)]
    public double Peak { get; init; } = 1.5;

    /// <summary>Sawtooth: fraction of the steps for which the factor stays 1.</summary>
    [Range(0.0, 1.0)]
    public double Hold { get; init; } = 0.4;

    /// <summary>Piecewise: the factor at these data epochs, straight lines between, constant before the first and after the last.</summary>
    public IReadOnlyList<WeightDecayPoint> Points { get; init; } = [];

    public bool Equals(WeightDecaySchedule? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <param name="Epoch">Data epochs passed; null: the stage's end.</param>
public sealed record WeightDecayPoint(
    [property: Range(0, double.PositiveInfinity)] double? Epoch,
    [property: Range(0, double.PositiveInfinity)] double Factor
);

public enum WeightDecayShape
{
    Constant,

    /// <summary>From the floor at the learning rate's peak to 1 at its floor.</summary>
    InverseToLearningRate,

    /// <summary>1, a line to the floor, then a rise from floor to peak within each averaged epoch.</summary>
    Sawtooth,

    Piecewise,
}
