using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Muon's momentum: rises along a line for the first steps.</summary>
public sealed record MomentumSchedule
{
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Start { get; init; } = 0.85;

    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double End { get; init; } = 0.95;

    /// <summary>0: <see cref="End"/> from the first step.</summary>
    [Range(0, int.MaxValue)]
    public int WarmupSteps { get; init; } = 300;
}
