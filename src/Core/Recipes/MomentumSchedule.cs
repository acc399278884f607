namespace Slowrun.Core.Recipes;

/// <summary>Muon's momentum: rises along a line for the first steps.</summary>
public sealed record MomentumSchedule
{
    public double Start { get; init; } = 0.85;

    public double End { get; init; } = 0.95;

    /// <summary>0: <see cref="End"/> from the first step.</summary>
    public int WarmupSteps { get; init; } = 300;
}
