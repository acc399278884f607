namespace Slowrun.Clustering.Membership;

/// <summary>Silos that this one could not reach a moment ago, and has voted against. Safe to use from any thread.</summary>
internal sealed class Suspicions(TimeProvider time)
{
    // Orleans votes again with every probe that fails, at most 1.5 s apart.
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(15);

    private readonly Lock gate = new();
    private readonly Dictionary<string, long> raised = new(StringComparer.Ordinal);

    /// <summary>As <c>SiloAddress.ToParsableString</c> writes them.</summary>
    public IReadOnlySet<string> Current
    {
        get
        {
            lock (gate)
            {
                foreach (
                    var silo in raised
                        .Where(suspicion => time.GetElapsedTime(suspicion.Value) > Lasting)
                        .Select(suspicion => suspicion.Key)
                        .ToList()
                )
                {
                    raised.Remove(silo);
                }

                return raised.Keys.ToHashSet(StringComparer.Ordinal);
            }
        }
    }

    public void Raise(string silo)
    {
        lock (gate)
        {
            raised[silo] = time.GetTimestamp();
        }
    }

    public void Drop(string silo)
    {
        lock (gate)
        {
            raised.Remove(silo);
        }
    }
}
