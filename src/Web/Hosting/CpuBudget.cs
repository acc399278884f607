namespace Slowrun.Web.Hosting;

/// <summary>How long a thread must rest so that it computes for no more than a share of the time, but for what it has saved up.</summary>
/// <param name="share">Of one core.</param>
/// <param name="saved">So much may be spent at once after a rest.</param>
internal sealed class CpuBudget(double share, TimeSpan saved)
{
    private double leftSeconds = saved.TotalSeconds;

    /// <param name="computed">CPU time since the last call.</param>
    /// <param name="passed">Time since the last call.</param>
    /// <returns>How long to rest before computing on; zero while there is something left.</returns>
    public TimeSpan Spend(TimeSpan computed, TimeSpan passed)
    {
        leftSeconds = Math.Min(saved.TotalSeconds, leftSeconds + (passed.TotalSeconds * share)) - computed.TotalSeconds;
        return leftSeconds >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-leftSeconds / share);
    }
}
