namespace Slowrun.Grains.Slots;

/// <summary>The slots of this silo and their holders. A slot never holds two stages. Safe to use from any thread.</summary>
public sealed class SlotTable : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, SlotReservation?> holders;
    private readonly SemaphoreSlim changed = new(0, 1);
    private bool onlyHints;

    /// <param name="slots">Names as in <c>cpu:0</c>, <c>cuda:1</c>; each once.</param>
    public SlotTable(IEnumerable<string> slots)
    {
        All = [.. slots];
        holders = All.ToDictionary(slot => slot, _ => (SlotReservation?)null, StringComparer.Ordinal);
    }

    public IReadOnlyList<string> All { get; }

    public IReadOnlyList<string> Free
    {
        get
        {
            lock (gate)
            {
                return [.. All.Where(slot => holders[slot] is null)];
            }
        }
    }

    public bool IsUnderWay
    {
        get
        {
            lock (gate)
            {
                return holders.Values.Any(holder => holder is not null);
            }
        }
    }

    /// <summary>Reserves all of <paramref name="slots"/>, or none of them.</summary>
    /// <returns>Disposed, it frees them (once); null where one of them is in use.</returns>
    public SlotReservation? TryReserve(IReadOnlyList<string> slots)
    {
        var reservation = new SlotReservation(this);
        return TryAdd(reservation, slots) ? reservation : null;
    }

    /// <summary>Lets the slot loop look for work at once.</summary>
    public void Poke() => Poke(isHint: false);

    /// <inheritdoc cref="Poke()"/>
    /// <param name="isHint">Whether other silos are woken for the same work, so that there may be none left.</param>
    internal void Poke(bool isHint)
    {
        lock (gate)
        {
            onlyHints = isHint && (onlyHints || changed.CurrentCount == 0);
            if (changed.CurrentCount == 0)
            {
                changed.Release();
            }
        }
    }

    /// <summary>Waits for a poke, at most <paramref name="atMost"/>.</summary>
    internal async Task<Poked> WaitAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (!await changed.WaitAsync(atMost, cancellationToken))
        {
            return Poked.No;
        }

        lock (gate)
        {
            return onlyHints ? Poked.ByHint : Poked.Yes;
        }
    }

    public void Dispose() => changed.Dispose();

    internal bool TryAdd(SlotReservation reservation, IReadOnlyList<string> slots)
    {
        lock (gate)
        {
            if (reservation.IsOver || slots.Any(slot => !holders.TryGetValue(slot, out var other) || other is not null))
            {
                return false;
            }

            foreach (var slot in slots)
            {
                holders[slot] = reservation;
            }

            return true;
        }
    }

    internal void Release(SlotReservation reservation, IReadOnlyList<string> slots)
    {
        lock (gate)
        {
            foreach (var slot in slots.Where(slot => holders[slot] == reservation))
            {
                holders[slot] = null;
            }
        }
    }

    internal void End(SlotReservation reservation)
    {
        lock (gate)
        {
            reservation.IsOver = true;
            Release(reservation, All);
        }
    }
}
