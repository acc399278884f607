namespace Slowrun.Core.Plan;

/// <summary>How long to train between two checkpoints (Young 1974, Daly 2006: the first-order optimum √(2·C·M)).</summary>
public static class CheckpointInterval
{
    /// <param name="cost">C: the training time that one checkpoint takes away (the stall, and what its upload slows training down).</param>
    /// <param name="meanTimeBetweenLosses">M: from the losses seen, or the operations' expectation.</param>
    /// <param name="atLeast">Lower bound; wins over <paramref name="atMost"/>.</param>
    public static TimeSpan Optimal(TimeSpan cost, TimeSpan meanTimeBetweenLosses, TimeSpan atLeast, TimeSpan atMost)
    {
        var seconds = Math.Sqrt(2 * Math.Max(cost.TotalSeconds, 0) * Math.Max(meanTimeBetweenLosses.TotalSeconds, 0));
        return TimeSpan.FromSeconds(Math.Max(atLeast.TotalSeconds, Math.Min(atMost.TotalSeconds, seconds)));
    }
}
