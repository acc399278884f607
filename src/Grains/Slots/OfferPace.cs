using System.Collections.Concurrent;

namespace Slowrun.Grains.Slots;

/// <summary>When work that was refused or failed is offered again: sooner at first, ever later then. Safe to use from any thread.</summary>
internal sealed class OfferPace(TimeProvider time)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<string, (int Times, long At)> refused = new(StringComparer.Ordinal);

    public bool IsDue(string key)
    {
        if (!refused.TryGetValue(key, out var last))
        {
            return true;
        }

        return time.GetElapsedTime(last.At) >= Backoff.After(last.Times, Longest);
    }

    public void Refused(string key) => refused.AddOrUpdate(key, _ => (1, time.GetTimestamp()), (_, old) => (old.Times + 1, time.GetTimestamp()));

    public void Succeeded(string key) => refused.TryRemove(key, out _);
}
