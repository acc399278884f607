namespace Slowrun.Grains.Loop;

/// <summary>
/// How long this silo has had nothing to do and seen nothing ready. What waits for something that runs elsewhere, or is paused, is not
/// ready. Looks that fail say nothing either way: the clock neither ends nor begins anew.
/// </summary>
/// <param name="limit">When the silo has been idle for long enough; null: never.</param>
internal sealed class IdleClock(TimeSpan? limit, TimeProvider time)
{
    private long? since;

    /// <summary>To be told after every look that succeeded.</summary>
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
