namespace Slowrun.Core;

/// <summary>How long to wait before something is tried again: after each failure longer, up to a limit. Pure.</summary>
/// <param name="First">After the first failure.</param>
/// <param name="Growth">By how much each wait is longer than the one before.</param>
public sealed record Backoff(TimeSpan First, TimeSpan Longest, double Growth = 2)
{
    /// <param name="failures">How many there were in a row; at least 1.</param>
    public TimeSpan After(int failures)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(failures, 1);
        // As a double: it has no overflow, however many failures there were.
        var ticks = First.Ticks * Math.Pow(Growth, failures - 1);
        return ticks < Longest.Ticks ? TimeSpan.FromTicks((long)ticks) : Longest;
    }

    /// <summary>A random share of that, so that those who failed at the same moment do not try again at the same moment.</summary>
    /// <param name="random">From 0 up to, but not, 1.</param>
    public TimeSpan After(int failures, double random) => After(failures) * random;
}
