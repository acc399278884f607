namespace Slowrun.Grains.Slots;

/// <summary>Slots that one piece of work holds. Disposed, it frees them (once).</summary>
public sealed class SlotReservation : IDisposable
{
    private readonly SlotTable table;

    internal SlotReservation(SlotTable table) => this.table = table;

    /// <summary>Set by the table, under its lock.</summary>
    internal bool IsOver { get; set; }

    /// <summary>Holds further slots, all or none of them.</summary>
    /// <returns>False where one of them is in use, or this has been given back.</returns>
    internal bool TryAdd(IReadOnlyList<string> slots) => table.TryAdd(this, slots);

    /// <summary>Gives some of the slots back.</summary>
    internal void Free(IReadOnlyList<string> slots) => table.Release(this, slots);

    public void Dispose() => table.End(this);
}
