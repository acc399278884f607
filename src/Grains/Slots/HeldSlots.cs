namespace Slowrun.Grains.Slots;

/// <summary>
/// The slots of a stage that trains, which may become more or fewer meanwhile. The silo's loop asks for a change, and the owner makes it
/// between two steps. A slot is used only once the root names it, and is free again only once the root names it no more: so at any kill the
/// root names all that is used. Safe to use from any thread.
/// </summary>
internal sealed class HeldSlots(IReadOnlyList<string> first)
{
    private readonly Lock gate = new();
    private IReadOnlyList<string> used = first;
    private IReadOnlyList<string> wanted = first;
    private SlotReservation? reservation;
    private Action? freed;

    /// <summary>That the root names.</summary>
    public IReadOnlyList<string> Used
    {
        get
        {
            lock (gate)
            {
                return used;
            }
        }
    }

    /// <summary>That the loop has asked for and the owner has not taken or left yet; null: nothing is asked for.</summary>
    public IReadOnlyList<string>? Asked
    {
        get
        {
            lock (gate)
            {
                return ReferenceEquals(used, wanted) ? null : wanted;
            }
        }
    }

    /// <summary>Whether more slots were tried, and there was no memory for them.</summary>
    public bool IsFull { get; private set; }

    /// <param name="held">Of the slots with which the work began.</param>
    /// <param name="poke">Called when slots have become free.</param>
    public void Lend(SlotReservation held, Action poke) => (reservation, freed) = (held, poke);

    /// <summary>Asks the owner to go on with other slots; more are reserved at once.</summary>
    /// <returns>False where a change is under way, or a slot has other work.</returns>
    public bool Ask(IReadOnlyList<string> slots)
    {
        lock (gate)
        {
            if (!ReferenceEquals(used, wanted) || reservation?.TryAdd([.. slots.Except(used)]) == false)
            {
                return false;
            }

            wanted = slots;
            return true;
        }
    }

    /// <summary>The root names what was asked for.</summary>
    public void Changed()
    {
        IReadOnlyList<string> left;
        lock (gate)
        {
            left = [.. used.Except(wanted)];
            used = wanted;
        }

        if (left.Count > 0)
        {
            reservation?.Free(left);
            freed?.Invoke();
        }
    }

    /// <summary>There was no memory for more than so many slots: those beyond are to be left again.</summary>
    public void Fit(int count)
    {
        IsFull = true;
        Ask([.. Used.Take(count)]);
    }
}
