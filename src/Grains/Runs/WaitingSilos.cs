using Slowrun.Core.Plan;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Silos that have asked a run for work and have free slots left: those to wake when there is more. Only a hint: a silo that is not woken
/// looks by itself within some seconds. For one scheduler.
/// </summary>
internal sealed class WaitingSilos
{
    private static readonly IReadOnlySet<string> Nothing = new HashSet<string>();

    private readonly Dictionary<string, Waiter> asked = new(StringComparer.Ordinal);

    /// <summary>A silo has asked.</summary>
    /// <param name="left">How many more pieces of work it could take than it was handed.</param>
    /// <param name="notMine">Work that it leaves alone for now.</param>
    public void Asked(string silo, int left, IReadOnlySet<string> notMine) => asked[silo] = new Waiter(Math.Max(0, left), notMine);

    /// <summary>Chooses whom to wake: for each piece of work one silo that waits. Where these are too few, also all that have never asked,
    /// of which nothing is known. Each is woken once, until it asks again.</summary>
    /// <param name="unhanded">Ready work that no silo is handed.</param>
    /// <param name="active">Silos that can take work.</param>
    public IReadOnlyCollection<string> ToWake(IReadOnlyList<ReadyWork> unhanded, IReadOnlySet<string> active)
    {
        foreach (var gone in asked.Keys.Where(silo => !active.Contains(silo)).ToList())
        {
            asked.Remove(gone);
        }

        var woken = new HashSet<string>(StringComparer.Ordinal);
        var waiting = asked.Where(pair => pair.Value.Left > 0).Select(pair => pair.Key).ToList();
        var tooFew = false;
        foreach (var work in unhanded)
        {
            var silo = waiting.Find(silo => !asked[silo].NotMine.Contains(work.Name));
            if (silo is null)
            {
                tooFew = true;
                continue;
            }

            woken.Add(silo);
            var left = asked[silo].Left - 1;
            asked[silo] = asked[silo] with { Left = left };
            if (left == 0)
            {
                waiting.Remove(silo);
            }
        }

        woken.UnionWith(tooFew ? active.Where(silo => !asked.ContainsKey(silo)) : []);
        foreach (var silo in woken)
        {
            asked[silo] = new Waiter(0, Nothing);
        }

        return woken;
    }

    private sealed record Waiter(int Left, IReadOnlySet<string> NotMine);
}
