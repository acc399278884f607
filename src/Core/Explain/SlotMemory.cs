namespace Slowrun.Core.Explain;

/// <summary>How much memory a slot has: the device's own, or the machine's for a processor.</summary>
/// <param name="Slot">As in <c>cuda:0</c>.</param>
public sealed record SlotMemory(string Slot, long Bytes)
{
    /// <summary>Whether <see cref="Bytes"/> is the memory that is free now; otherwise it is all memory.</summary>
    public bool Free { get; init; }

    /// <summary>How many processors would train one stage in this memory, which they share.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Whether the slot has memory of its own, apart from the host's.</summary>
    public bool IsDevice => Slot.StartsWith("cuda", StringComparison.Ordinal);
}
