using Slowrun.Core.Plan;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Silos that have asked a run for work and have free slots left: those to wake when there is more. Only a hint: a silo that is not woken
/// looks by itself within some seconds. For one scheduler.
/// </summary>
internal sealed class WaitingSilos
{
    // A silo that never asked may be busy. Of hundreds some are free, so a few of them suffice.
    private const int StrangersForEach = 3;

    // The silo woken first may be dead, or may have other work since.
    private const int OnRepeat = 2;

    // Pauses double up to about a thousand looks: a silo looks by itself much sooner.
    private const int MostDoublings = 10;

    private static readonly IReadOnlySet<string> Nothing = new HashSet<string>();

    private readonly Dictionary<string, Waiter> asked = new(StringComparer.Ordinal);
    private Dictionary<string, Woken> wokenFor = new(StringComparer.Ordinal);

    /// <summary>A silo has asked.</summary>
    /// <param name="left">How many more pieces of work it could take than it was handed.</param>
    /// <param name="notMine">Work that it leaves alone for now.</param>
    public void Asked(string silo, int left, IReadOnlySet<string> notMine) => asked[silo] = new Waiter(Math.Max(0, left), notMine);

    /// <summary>Chooses silos to wake, at random: for each piece of work one silo that waits, or two where one was woken for it before.
    /// Where these are too few, also some that have never asked, of which nothing is known. Each is woken once, until it asks
    /// again. For work that stays unhanded silos are woken at the first, second, fourth, eighth call and so on: it has been refused for a
    /// reason.</summary>
    /// <param name="unhanded">Ready work that no silo is handed.</param>
    /// <param name="active">Silos that can take work, and can be woken.</param>
    /// <param name="strangers">Whether to wake silos that have never asked.</param>
    public IReadOnlyCollection<string> ToWake(IReadOnlyList<ReadyWork> unhanded, IReadOnlySet<string> active, bool strangers = true)
    {
        foreach (var gone in asked.Keys.Where(silo => !active.Contains(silo)).ToList())
        {
            asked.Remove(gone);
        }

        if (unhanded.Count == 0)
        {
            wokenFor.Clear();
            return [];
        }

        var woken = new HashSet<string>(StringComparer.Ordinal);
        // All runs have asked the same silos: in the order of asking, each would wake the same one.
        var waiting = asked.Where(pair => pair.Value.Left > 0).Select(pair => pair.Key).ToArray();
        Random.Shared.Shuffle(waiting);
        var missing = 0;
        var next = new Dictionary<string, Woken>(StringComparer.Ordinal);
        foreach (var work in unhanded)
        {
            var before = wokenFor.TryGetValue(work.Name, out var known) && known.EpochToken == work.EpochToken ? known : null;
            if (before is { Pause: > 0 })
            {
                next[work.Name] = before with { Pause = before.Pause - 1 };
                continue;
            }

            var isRepeat = before is not null;
            var found = 0;
            foreach (var silo in waiting.Where(silo => asked[silo].Left > 0 && !asked[silo].NotMine.Contains(work.Name)))
            {
                woken.Add(silo);
                asked[silo] = asked[silo] with { Left = asked[silo].Left - 1 };
                if (++found == (isRepeat ? OnRepeat : 1))
                {
                    break;
                }
            }

            missing += found == 0 ? 1 : 0;
            next[work.Name] = found == 0 ? before ?? new Woken(work.EpochToken) : Woken.Again(work.EpochToken, before?.Times ?? 0);
        }

        wokenFor = next;
        if (missing > 0 && strangers)
        {
            var unknown = active.Where(silo => !asked.ContainsKey(silo)).ToArray();
            Random.Shared.Shuffle(unknown);
            woken.UnionWith(unknown.Take(missing * StrangersForEach));
        }

        foreach (var silo in woken)
        {
            asked[silo] = new Waiter(0, Nothing);
        }

        return woken;
    }

    private sealed record Waiter(int Left, IReadOnlySet<string> NotMine);

    /// <summary>How often silos were woken for a piece of work, and how many calls are left out before the next time.</summary>
    private sealed record Woken(long? EpochToken, int Times = 0, int Pause = 0)
    {
        public static Woken Again(long? token, int times) => new(token, times + 1, (1 << Math.Min(times, MostDoublings)) - 1);
    }
}
