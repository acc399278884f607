namespace Slowrun.Core.Plan;

/// <summary>How many of the free slots each piece of ready work gets: whole lanes, so powers of two, and never of two devices'
/// kinds.</summary>
public static class SlotShares
{
    /// <summary>The slots for the piece of work at <paramref name="index"/>: those before it in <paramref name="work"/> have had
    /// theirs.</summary>
    /// <param name="work">As <see cref="WorkOrder.Of"/> gives it.</param>
    /// <param name="free">Free slots, as in <c>cpu:0</c>.</param>
    /// <returns>Empty where no slot is free.</returns>
    /// <param name="room">How many more stages the silo may train; null: as many as there are slots.</param>
    public static IReadOnlyList<string> Next(IReadOnlyList<ReadyWork> work, int index, IReadOnlyList<string> free, int? room = null)
    {
        ArgumentNullException.ThrowIfNull(work);
        // A run of a lower priority gets what those before it leave, so its work does not count here.
        var left = work.Skip(index).Count(one => one.Run == work[index].Run);
        return Next(free, left, work[index].Lanes, room);
    }

    /// <param name="free">Free slots, as in <c>cpu:0</c>.</param>
    /// <param name="ready">Pieces of work that wait for a slot, this one included; at least 1.</param>
    /// <param name="lanes">L of the stage: more workers than lanes have nothing to do.</param>
    /// <param name="room">How many more stages the silo may train; null: as many as there are slots. The others are for other
    /// silos.</param>
    /// <returns>The slots for one piece of work; empty where none is free.</returns>
    public static IReadOnlyList<string> Next(IReadOnlyList<string> free, int ready, int lanes, int? room = null)
    {
        ArgumentNullException.ThrowIfNull(free);
        if (free.Count == 0)
        {
            return [];
        }

        var kind = Kind(free[0]);
        var same = free.Where(slot => Kind(slot) == kind).ToList();
        var share = Math.Min(lanes, Math.Max(1, same.Count / Math.Max(1, Math.Min(ready, room ?? ready))));
        return same[..(1 << int.Log2(share))];
    }

    internal static bool SameKind(string one, string other) => Kind(one) == Kind(other);

    private static string Kind(string slot) => slot[..slot.IndexOf(':', StringComparison.Ordinal)];
}
