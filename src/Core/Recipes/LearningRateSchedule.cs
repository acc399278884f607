using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>The form of the factor of every learning rate over a stage's steps; its end is
/// <see cref="OptimizerRecipe.Warmdown"/>.</summary>
public sealed record LearningRateSchedule
{
    public LearningRateShape Shape { get; init; } = LearningRateShape.Trapezoid;

    /// <summary>Trapezoid: 1 falls along a line, 0.5 along a square root.</summary>
    [Range(0, double.PositiveInfinity, MinimumIsExclusive = true)]
    public double WarmdownPower { get; init; } = 1;

    /// <summary>Cycle: fraction of the steps in which the factor rises from <see cref="Floor"/> to 1.</summary>
    [Range(0.0, 1.0)]
    public double Warmup { get; init; }

    /// <summary>Cycle: where the line from 1 ends, and below which the warmdown falls.</summary>
    [Range(0.0, 1.0)]
    public double Floor { get; init; } = 0.08;

    /// <summary>
    /// Trapezoid: in each of the last n data epochs the factor falls along a cosine from the trapezoid's value to
    /// <see cref="AveragedFloor"/>, so that every epoch ends in a minimum worth averaging (SWA, arXiv:1803.05407). 0: never.
    /// </summary>
    [Range(0, int.MaxValue)]
    public int AveragedEpochs { get; init; }

    [Range(0.0, 1.0)]
    public double AveragedFloor { get; init; } = 0.05;
}

public enum LearningRateShape
{
    /// <summary>1, then falling to 0 at the end.</summary>
    Trapezoid,

    /// <summary>Rising, falling along a line to the floor, then along a cosine; for stages that are continued.</summary>
    Cycle,
}
