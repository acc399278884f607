namespace Slowrun.Core.Plan;

/// <summary>
/// How long this silo has had no work and found none ready. Work that waits for another silo, or is paused, is not ready. Failed looks do
/// not change the clock.
/// </summary>
/// <param name="limit">When the silo has been idle for long enough; null: never.</param>
public sealed class IdleClock(TimeSpan? limit, TimeProvider time)
{
    private long? since;

    /// <summary>To be called after every look that succeeded.</summary>
    /// <param name="busy">Whether work is under way here, or ready for it.</param>
    /// <returns>How long the silo has been idle, where that is long enough; else null.</returns>
    public TimeSpan? Looked(bool busy)
    {
        if (busy)
        {
            since = null;
            return null;
        }

        since ??= time.GetTimestamp();
        var idle = time.GetElapsedTime(since.Value);
        return idle >= limit ? idle : null;
    }
}
