using System.Collections.Concurrent;
using Slowrun.Core;

namespace Slowrun.Grains.Slots;

/// <summary>
/// When work is offered again whose offer had no effect (refused, failed, or ended without a step): after growing pauses, whatever the
/// cause. Fewer than ten offers a minute for each piece of work, so that no loop spins. Safe to use from any thread.
/// </summary>
internal sealed class OfferPace(TimeProvider time)
{
    private static readonly Backoff Pauses = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    // More pieces of work than a store has; beyond it those that are due anyway are forgotten.
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, (int Times, long At)> refused = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, bool> changed = new(StringComparer.Ordinal);

    /// <summary>Work whose state has changed since the last call: facts read before may be old.</summary>
    public IReadOnlyCollection<string> Changes() => [.. changed.Keys.Where(key => changed.TryRemove(key, out _))];

    public bool IsDue(string key) => !refused.TryGetValue(key, out var last) || IsDue(last);

    /// <summary>It was refused, failed, or did nothing.</summary>
    public void Refused(string key)
    {
        Change(key);
        refused.AddOrUpdate(key, _ => (1, time.GetTimestamp()), (_, old) => (old.Times + 1, time.GetTimestamp()));
        if (refused.Count > Most)
        {
            foreach (var old in refused.Where(pair => IsDue(pair.Value)))
            {
                refused.TryRemove(old);
            }
        }
    }

    /// <summary>It made progress: a new offer begins with the shortest pause.</summary>
    public void Succeeded(string key)
    {
        Change(key);
        refused.TryRemove(key, out _);
    }

    /// <summary>A stage's owner has ended.</summary>
    /// <param name="progressed">Whether it has done a step.</param>
    public void Ended(string key, StopReason reason, bool progressed)
    {
        // One that was fenced or failed waits even after a step: otherwise it could repeat that after each first step.
        if (reason == StopReason.Completed || (progressed && reason is not (StopReason.Faulted or StopReason.Fenced)))
        {
            Succeeded(key);
        }
        else
        {
            Refused(key);
        }
    }

    private void Change(string key)
    {
        // The set is bounded, for a loop that does not ask.
        if (changed.Count < Most)
        {
            changed[key] = true;
        }
    }

    private bool IsDue((int Times, long At) last) => time.GetElapsedTime(last.At) >= Pauses.After(last.Times);
}
