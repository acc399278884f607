using System.Collections.Concurrent;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;

namespace Slowrun.Grains.Slots;

/// <summary>
/// Since when this silo sees stages that could be taken: a take books from it how long the stage waited for a slot, and how long its
/// owner's loss was not noticed. Safe to use from any thread.
/// </summary>
internal sealed class ReadySince(TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Run, StageId Stage, long EpochToken), DateTimeOffset> sights = new();

    // Set at the first look, after the clock was compared with the store's.
    private long servedSinceTicks = long.MaxValue;

    /// <summary>Since when some silo has been alive without a gap, as far as this one knows: its own start, or that of an older one it has
    /// met.</summary>
    public DateTimeOffset ServedSince
    {
        get
        {
            Interlocked.CompareExchange(ref servedSinceTicks, time.GetUtcNow().UtcTicks, long.MaxValue);
            return new(Interlocked.Read(ref servedSinceTicks), TimeSpan.Zero);
        }
    }

    /// <summary>To be called with a run's present facts.</summary>
    public void Look(RunFacts facts)
    {
        if (SiloStart.Earliest(facts.AliveSilos) is { } since && since < ServedSince)
        {
            Interlocked.Exchange(ref servedSinceTicks, since.UtcTicks);
        }

        var now = time.GetUtcNow();
        var ready = Readiness.ToTrain(facts).Select(id => (facts.Spec.Name, id, facts.RootOf(id).EpochToken)).ToHashSet();
        foreach (var gone in sights.Keys.Where(sight => sight.Run == facts.Spec.Name && !ready.Contains(sight)))
        {
            sights.TryRemove(gone, out _);
        }

        foreach (var sight in ready)
        {
            sights.TryAdd(sight, now);
        }
    }

    /// <summary>Null: it was not seen before.</summary>
    public DateTimeOffset? Since(string run, StageId stage, long epochToken) =>
        sights.TryGetValue((run, stage, epochToken), out var since) ? since : null;
}
