namespace Slowrun.Grains.Slots;

/// <summary>When the slot loop last showed that it runs, for health checks. Safe to use from any thread.</summary>
internal sealed class LoopPulse(TimeProvider time)
{
    private const long None = long.MinValue;
    private long last = None;

    /// <summary>Since the last beat; null before the first one: the loop has not begun.</summary>
    public TimeSpan? Silence => Interlocked.Read(ref last) is var at and not None ? time.GetElapsedTime(at) : null;

    public void Beat() => Interlocked.Exchange(ref last, time.GetTimestamp());
}
