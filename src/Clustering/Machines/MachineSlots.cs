using Slowrun.Core.Explain;

namespace Slowrun.Clustering.Machines;

/// <summary>How much memory this machine's slots have.</summary>
public static class MachineSlots
{
    /// <summary>Those of the given slots of which it is known.</summary>
    /// <param name="devices">Null: there are none.</param>
    public static IReadOnlyList<SlotMemory> Of(IEnumerable<string> slots, NvidiaDevices? devices)
    {
        ArgumentNullException.ThrowIfNull(slots);
        var machine = MachineMemory.Read();
        return
        [
            .. from slot in slots
            let bytes = slot.StartsWith("cpu", StringComparison.Ordinal) ? machine?.TotalBytes : devices?.Read(slot)?.TotalBytes
            where bytes is not null
            select new SlotMemory(slot, bytes.Value),
        ];
    }

    /// <summary>What a silo would serve with on this machine unless told otherwise: every device, else the processors.</summary>
    public static IReadOnlyList<SlotMemory> OfThisMachine()
    {
        using var devices = NvidiaDevices.TryOpen(asCuda: false);
        return Of(
            devices is { Count: > 0 and var count }
                ? Enumerable.Range(0, count).Select(i => FormattableString.Invariant($"cuda:{i}"))
                : ["cpu:0"],
            devices
        );
    }
}
