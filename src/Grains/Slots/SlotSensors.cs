using System.Collections.Concurrent;
using System.Numerics;
using Slowrun.Clustering.Machines;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Slots;

/// <summary>Memory of this silo's slots, and memory and utilization of its devices. Safe to use from any thread.</summary>
/// <param name="devices">Null: there are none, or they cannot be read.</param>
/// <param name="machine">The machine's memory now; null: not known.</param>
internal sealed class SlotSensors(NvidiaDevices? devices, Func<MachineMemory?> machine)
{
    private readonly ConcurrentDictionary<string, bool> tooLarge = new(StringComparer.Ordinal);

    public SlotSensors(NvidiaDevices? devices = null)
        : this(devices, MachineMemory.Read) { }

    /// <summary>Those of the slots that are devices.</summary>
    /// <returns>Null where nothing is known of any.</returns>
    public IReadOnlyList<DeviceUse>? Use(IEnumerable<string> slots) =>
        devices is null || slots.Select(devices.Read).OfType<DeviceUse>().ToList() is not { Count: > 0 } use ? null : use;

    /// <summary>Whether the offered slots have enough memory for a stage: on a device all of its memory counts, on processors what is free
    /// now.</summary>
    /// <param name="work">See <see cref="WorkName"/>.</param>
    /// <returns>Null: they have, or that is not known.</returns>
    public MemoryShortage? Lacking(RunSpec spec, StagePlan stage, long trainTokens, IReadOnlyList<string> slots, string work)
    {
        if (stage.ImportedSha256 is not null)
        {
            return null;
        }

        var steps = new StageSteps(stage, trainTokens);
        foreach (var slot in slots)
        {
            // Processors that train together share the memory.
            if (
                Memory(slot) is { } known
                && known with { Workers = known.IsDevice ? 1 : Together(slots.Count) } is var has
                && MemoryCheck.Of(spec, stage, steps, trainTokens, has) is { } shortage
            )
            {
                // Work that is too large for the whole memory will not fit later.
                tooLarge[work] = has.IsDevice || shortage.NeededBytes > machine()?.TotalBytes;
                return shortage;
            }
        }

        return null;
    }

    /// <summary>Whether a stage that trains has memory for further workers: a device must hold what the stage's first one does, processors
    /// what each of them adds to what the stage has already.</summary>
    /// <param name="now">Its slots; <paramref name="wanted"/>: those that it would have.</param>
    /// <returns>True also where that is not known.</returns>
    public bool HasRoomFor(StagePlan stage, long trainTokens, IReadOnlyList<string> now, IReadOnlyList<string> wanted)
    {
        var memory = StageMemory.Of(stage, new StageSteps(stage, trainTokens));
        return wanted
            .Except(now)
            .All(slot =>
                Memory(slot) is not { } has
                || (has.IsDevice ? memory.Device : memory.OnProcessors(wanted.Count) - memory.OnProcessors(now.Count)) <= has.Bytes
            );
    }

    /// <summary>Whether the work is too large for this machine even when nothing else runs.</summary>
    public bool IsTooLarge(string work) => tooLarge.GetValueOrDefault(work);

    /// <summary>So many workers as the engine makes of so many slots, if the recipe has the lanes.</summary>
    private static int Together(int slots) => 1 << BitOperations.Log2((uint)Math.Max(1, slots));

    private SlotMemory? Memory(string slot) =>
        slot.StartsWith("cpu", StringComparison.Ordinal)
            ? machine() is { } now
                ? new SlotMemory(slot, now.FreeBytes) { Free = true }
                : null
            : devices?.Read(slot) is { } device
                ? new SlotMemory(slot, device.TotalBytes)
                : null;
}
