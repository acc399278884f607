namespace Slowrun.Clustering.Hosting;

/// <summary>Orleans' options for fleets that come and go; every figure was tried on loopback (docs/log.md), none is tried on a cloud network.</summary>
internal static class ClusterTuning
{
    /// <summary>One cluster a store: the store's address tells clusters apart, so the names need not.</summary>
    public const string ClusterId = "slowrun";

    /// <summary>A dead process is found by its closed connections and 3 missed probes: 1.3-1.6 s instead of 10-15 s.</summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    public const int MissedProbes = 3;

    /// <summary>A frozen or vanished machine answers nothing; Orleans stretches its probes up to this. With 1.5 s it is out after 9.5 s.</summary>
    public static readonly TimeSpan MaxProbeTimeout = TimeSpan.FromSeconds(1.5);

    /// <summary>How soon a change that gossip did not bring is seen; one store read each.</summary>
    public static readonly TimeSpan TableRefresh = TimeSpan.FromSeconds(5);

    /// <summary>Heartbeat in the table. Rows of other machines count as dead after three of them and some (<c>ClusterView.StaleAfter</c>).</summary>
    public static readonly TimeSpan IAmAlive = TimeSpan.FromSeconds(5);

    /// <summary>A call in flight to a silo that dies hangs so long; every call of ours may be repeated.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(5);

    public static readonly TimeSpan GatewayRefresh = TimeSpan.FromSeconds(5);

    /// <summary>A stopping stage commits first; Orleans' 30 s would cut off a big checkpoint.</summary>
    public static readonly TimeSpan Deactivation = TimeSpan.FromMinutes(5);

    /// <summary>Dead rows tell who was here lately; after a day they only make the document long.</summary>
    public static readonly TimeSpan DefunctExpiration = TimeSpan.FromDays(1);
}
