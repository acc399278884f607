namespace Slowrun.Grains.Slots;

/// <summary>How many of the free slots each piece of ready work gets: whole lanes, so powers of two, and never of two devices' kinds.</summary>
internal static class SlotShares
{
    /// <param name="free">Free slots, as in <c>cpu:0</c>.</param>
    /// <param name="ready">Pieces of work that wait for a slot, this one included; at least 1.</param>
    /// <param name="lanes">L of the stage: more workers than lanes have nothing to do.</param>
    /// <returns>The slots for one piece of work; empty where none is free.</returns>
    public static IReadOnlyList<string> Next(IReadOnlyList<string> free, int ready, int lanes)
    {
        if (free.Count == 0)
        {
            return [];
        }

        var kind = Kind(free[0]);
        var same = free.Where(slot => Kind(slot) == kind).ToList();
        var share = Math.Min(lanes, Math.Max(1, same.Count / Math.Max(1, ready)));
        return same[..(1 << int.Log2(share))];
    }

    private static string Kind(string slot) => slot[..slot.IndexOf(':', StringComparison.Ordinal)];
}
