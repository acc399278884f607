namespace Slowrun.Core.Explain;

/// <summary>A stage that does not fit a slot, and the changes with which it would fit.</summary>
/// <param name="Stage">The one that needs most.</param>
/// <param name="Options">Changes of the spec with which every stage fits, computed; empty: none of those tried.</param>
/// <param name="Least">The smallest requirement that any change reached; null: there was no change to try.</param>
public sealed record MemoryShortage(
    string Stage,
    long NeededBytes,
    SlotMemory Slot,
    IReadOnlyList<MemoryOption> Options,
    MemoryOption? Least
)
{
    /// <summary>The number of processors, fewer than the slot's, for which the memory suffices, and the bytes they need. Null: fewer do not
    /// help.</summary>
    public (int Workers, long Bytes)? FewerWorkers { get; init; }

    /// <summary>One sentence with the figures, and one with what helps.</summary>
    public override string ToString()
    {
        var where = Slot.IsDevice
            ? $"on the device, {Slot.Slot} has {Human.Bytes(Slot.Bytes)}"
            : $"of memory{(Slot.Workers > 1 ? $" for {Slot.Workers} processors" : "")}, the machine of {Slot.Slot} has {Human.Bytes(Slot.Bytes)}{(Slot.Free ? " free" : "")}";
        return $"{Stage} needs {Human.Bytes(NeededBytes)} {where}: {Advice()}";
    }

    private string Advice() =>
        FewerWorkers is { } fewer
            ? $"a silo with --slots cpu:{fewer.Workers} has room ({Human.Bytes(fewer.Bytes)}){(Options.Count > 0 ? $", or try {string.Join(" or ", Options)}" : "")}."
        : Options.Count > 0 ? $"try {string.Join(" or ", Options)}."
        : Least is null ? "a smaller model, or a larger slot."
        : $"no option is enough, the least is {Least}; a smaller model, or a larger slot.";

    public bool Equals(MemoryShortage? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
