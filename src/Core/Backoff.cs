namespace Slowrun.Core;

/// <summary>How long to wait before a retry: longer after each failure, up to a limit. Pure.</summary>
/// <param name="First">After the first failure.</param>
/// <param name="Growth">The factor from one wait to the next.</param>
public sealed record Backoff(TimeSpan First, TimeSpan Longest, double Growth = 2)
{
    /// <param name="failures">Failures in a row; at least 1.</param>
    public TimeSpan After(int failures)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(failures, 1);
        // A double does not overflow, however many failures there were.
        var ticks = First.Ticks * Math.Pow(Growth, failures - 1);
        return ticks < Longest.Ticks ? TimeSpan.FromTicks((long)ticks) : Longest;
    }

    /// <summary>A random share of that wait: processes that failed at the same moment then retry at different moments.</summary>
    /// <param name="random">From 0 up to, but not, 1.</param>
    public TimeSpan After(int failures, double random) => After(failures) * random;
}
