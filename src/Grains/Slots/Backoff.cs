namespace Slowrun.Grains.Slots;

/// <summary>How long to wait before something is tried again: a second at first, twice as long each time.</summary>
internal static class Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);

    // So often doubled it is longer than any limit here.
    private const int MostDoublings = 10;

    /// <param name="times">How often it has failed; at least 1.</param>
    public static TimeSpan After(int times, TimeSpan longest)
    {
        var pause = First * Math.Pow(2, Math.Min(times - 1, MostDoublings));
        return pause < longest ? pause : longest;
    }
}
