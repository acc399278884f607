namespace Slowrun.Core.Plan;

/// <summary>A stage that trains on a silo.</summary>
/// <param name="Work">See <see cref="WorkName"/>.</param>
/// <param name="Priority">Of its run.</param>
/// <param name="Lanes">More slots than these have nothing to do.</param>
/// <param name="Slots">That it has; a power of two.</param>
public sealed record HeldWork(string Work, int Priority, int Lanes, IReadOnlyList<string> Slots)
{
    public bool Equals(HeldWork? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>A stage that trains is to go on with other slots of its silo.</summary>
/// <param name="Slots">All that it has then; the first stays the first, since its parameters lie there.</param>
public sealed record SlotMove(string Work, IReadOnlyList<string> Slots)
{
    public bool Equals(SlotMove? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>
/// Whether an idle slot joins a stage that trains on the same silo, or leaves one because other work waits. Lanes belong to the recipe, so
/// a move changes the speed and no byte. A move costs a write of the stage's root and some milliseconds, so it is made only where the
/// reason for it has lasted.
/// </summary>
public static class SlotMoves
{
    // Between two stages of a chain a slot is idle for less.
    private static readonly TimeSpan IdleFor = TimeSpan.FromSeconds(2);

    // Another silo that has a free slot takes ready work sooner.
    private static readonly TimeSpan WantedFor = TimeSpan.FromSeconds(3);

    // Work that comes and goes must not have slots move all the time.
    private static readonly TimeSpan AfterLeaving = TimeSpan.FromSeconds(30);

    /// <param name="held">The stages that train here; one that moves already is not named.</param>
    /// <param name="free">Slots without work.</param>
    /// <param name="wanted">The highest priority of ready work that this silo could do; null: there is none.</param>
    /// <param name="lasted">Since when there has been such work, or since when there has been none.</param>
    /// <param name="sinceLeft">Since a slot left a stage here; null: none has.</param>
    /// <param name="alone">Whether no other silo can take the work.</param>
    /// <returns>Null: all stays as it is.</returns>
    public static SlotMove? Next(
        IReadOnlyList<HeldWork> held,
        IReadOnlyList<string> free,
        int? wanted,
        TimeSpan lasted,
        TimeSpan? sinceLeft,
        bool alone
    )
    {
        ArgumentNullException.ThrowIfNull(held);
        ArgumentNullException.ThrowIfNull(free);
        return wanted is { } priority
            ? free.Count == 0 && (alone || lasted >= WantedFor)
                ? Leave(held, priority)
                : null
            : free.Count > 0 && lasted >= IdleFor && !(sinceLeft < AfterLeaving)
                ? Join(held, free)
                : null;
    }

    /// <summary>The stage with the fewest slots doubles them.</summary>
    private static SlotMove? Join(IReadOnlyList<HeldWork> held, IReadOnlyList<string> free) =>
        held.Where(one => one.Slots.Count * 2 <= one.Lanes)
            .OrderByDescending(one => one.Priority)
            .ThenBy(one => one.Slots.Count)
            .ThenBy(one => one.Work, StringComparer.Ordinal)
            .Select(one => (one.Work, one.Slots, More: free.Where(slot => SlotShares.SameKind(slot, one.Slots[0])).ToList()))
            .Where(one => one.More.Count >= one.Slots.Count)
            .Select(one => new SlotMove(one.Work, [.. one.Slots, .. one.More.Take(one.Slots.Count)]))
            .FirstOrDefault();

    /// <summary>The stage of the lowest priority with the most slots halves them; none that comes before the waiting work.</summary>
    private static SlotMove? Leave(IReadOnlyList<HeldWork> held, int priority) =>
        held.Where(one => one.Slots.Count > 1 && one.Priority <= priority)
            .OrderBy(one => one.Priority)
            .ThenByDescending(one => one.Slots.Count)
            .ThenBy(one => one.Work, StringComparer.Ordinal)
            .Select(one => new SlotMove(one.Work, [.. one.Slots.Take(one.Slots.Count / 2)]))
            .FirstOrDefault();
}
