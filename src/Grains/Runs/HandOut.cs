using Slowrun.Core.Plan;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Which silo may offer its slots to which ready work: without it hundreds of free silos would all offer slots to the first stage. Only a
/// hint that passes: two hand-outs of one stage, or one that is lost with the run grain, cost a refused offer. For one scheduler.
/// </summary>
internal sealed class HandOut(TimeProvider time)
{
    // An offer takes as long as a few store operations. A silo that dies meanwhile delays the work by so much at most.
    private static readonly TimeSpan ForOffer = TimeSpan.FromSeconds(3);

    // Scoring has no owner in the store. A silo that does it reports that at each look, at least every five seconds.
    private static readonly TimeSpan ForWork = TimeSpan.FromSeconds(15);

    private readonly Dictionary<string, Lease> leases = new(StringComparer.Ordinal);

    /// <summary>Hands out to a silo what it can take now.</summary>
    /// <param name="ready">All that is ready, in order.</param>
    /// <param name="silo">Its address.</param>
    /// <param name="most">How much it can take.</param>
    /// <param name="notMine">Work that it leaves alone.</param>
    /// <param name="atWork">Work under way on it: no other silo is offered that.</param>
    /// <param name="isAlive">Whether a silo is, and takes work.</param>
    /// <returns>The work that it may offer its slots to; and the number of pieces that wait, including these.</returns>
    public (IReadOnlyList<string> Handed, int Waiting) To(
        IReadOnlyList<ReadyWork> ready,
        string silo,
        int most,
        IReadOnlyCollection<string> notMine,
        IReadOnlyCollection<string> atWork,
        Func<string, bool> isAlive
    )
    {
        var now = ready.ToDictionary(work => work.Name, work => work.EpochToken, StringComparer.Ordinal);
        Expire(now, isAlive);
        foreach (var name in notMine.Where(name => !atWork.Contains(name) && leases.TryGetValue(name, out var own) && own.Silo == silo))
        {
            leases.Remove(name);
        }

        // The silo has stopped this work: others need not wait for the rest of the lease.
        foreach (var name in leases.Where(pair => pair.Value.Silo == silo && pair.Value.For == ForWork).Select(pair => pair.Key).ToList())
        {
            leases.Remove(name);
        }

        foreach (
            var name in atWork.Where(name => now.ContainsKey(name) && (!leases.TryGetValue(name, out var other) || other.Silo == silo))
        )
        {
            leases[name] = new Lease(silo, now[name], time.GetTimestamp(), ForWork);
        }

        var waiting = ready
            .Where(work =>
                !notMine.Contains(work.Name)
                && !atWork.Contains(work.Name)
                && (!leases.TryGetValue(work.Name, out var lease) || lease.Silo == silo)
            )
            .ToList();
        var handed = waiting.Take(most).ToList();
        foreach (var work in handed)
        {
            leases[work.Name] = new Lease(silo, work.EpochToken, time.GetTimestamp(), ForOffer);
        }

        return ([.. handed.Select(work => work.Name)], waiting.Count);
    }

    /// <summary>What is ready and handed to no silo.</summary>
    public IReadOnlyList<ReadyWork> Unhanded(IReadOnlyList<ReadyWork> ready, Func<string, bool> isAlive)
    {
        Expire(ready.ToDictionary(work => work.Name, work => work.EpochToken, StringComparer.Ordinal), isAlive);
        return [.. ready.Where(work => !leases.ContainsKey(work.Name))];
    }

    private void Expire(Dictionary<string, long?> ready, Func<string, bool> isAlive)
    {
        foreach (var (name, lease) in leases.ToList())
        {
            if (
                !ready.TryGetValue(name, out var token)
                || token != lease.EpochToken
                || time.GetElapsedTime(lease.At) >= lease.For
                || !isAlive(lease.Silo)
            )
            {
                leases.Remove(name);
            }
        }
    }

    private sealed record Lease(string Silo, long? EpochToken, long At, TimeSpan For);
}
