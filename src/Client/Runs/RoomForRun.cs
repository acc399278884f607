using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Recipes;

namespace Slowrun.Client.Runs;

/// <summary>Whether a run's stages fit the memory of the slots that would train them, as far as those are known.</summary>
internal static class RoomForRun
{
    /// <summary>The warning that no known slot is large enough. Larger ones may join.</summary>
    /// <param name="silos">The silos that serve the store.</param>
    /// <param name="here">This machine's slots, for a store without silos.</param>
    /// <returns>Null: a slot is large enough, or not all are known.</returns>
    public static string? Warning(RunSpec spec, IReadOnlyList<LiveSilo> silos, Func<IReadOnlyList<SlotMemory>> here)
    {
        if (silos.Count == 0)
        {
            return Lacking(spec, here()) is { } alone ? $"Warning: this machine is too small to train it. {alone}" : null;
        }

        return silos.All(silo => silo.Memory.Count > 0) && Lacking(spec, [.. silos.SelectMany(silo => silo.Memory)]) is { } shortage
            ? $"Warning: no silo that serves the store has room for it, and it waits for one that has. {shortage}"
            : null;
    }

    /// <summary>Refuses a run that does not fit this machine where no other is to train it.</summary>
    /// <exception cref="NotPossibleException">With figures, and with what helps.</exception>
    public static void Demand(RunSpec spec, IReadOnlyList<LiveSilo> silos, Func<IReadOnlyList<SlotMemory>> here)
    {
        if (silos.Count == 0 && Lacking(spec, here()) is { } shortage)
        {
            throw new NotPossibleException(
                $"Run '{spec.Name}' has no room on this machine, and no silo serves the store: {shortage} Nothing was started. 'slowrun submit' makes it for other machines."
            );
        }
    }

    private static MemoryShortage? Lacking(RunSpec spec, IReadOnlyList<SlotMemory> slots)
    {
        try
        {
            return MemoryCheck.Of(spec, null, slots);
        }
        catch (ArgumentException)
        {
            // Too little text for one step: the reader of the text reports that.
            return null;
        }
    }
}
