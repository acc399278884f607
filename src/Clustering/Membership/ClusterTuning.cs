using Orleans.Configuration;

namespace Slowrun.Clustering.Membership;

/// <summary>Orleans' options for fleets that come and go; the figures were tried on loopback (docs/log.md), not on a cloud
/// network.</summary>
public static class ClusterTuning
{
    /// <summary>The same for every cluster; clusters differ by their store's id.</summary>
    public const string ServiceId = "slowrun";

    /// <summary>With 3 probes missed, a killed process is out of the cluster in 1.3-1.6 s; Orleans' 5 s make it 10-15 s.</summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    public const int MissedProbes = 3;

    /// <summary>
    /// A frozen or vanished machine answers nothing, and Orleans stretches its probes up to this: out after 9.5 s. Its 4 probe
    /// timeouts would make it half a minute.
    /// </summary>
    public static readonly TimeSpan MaxProbeTimeout = TimeSpan.FromSeconds(1.5);

    /// <summary>Two must agree, so that one silo in trouble cannot evict the others. (Of two silos one is enough: Orleans counts
    /// so.)</summary>
    public const int Votes = 2;

    /// <summary>The longest time until a change is seen that gossip did not report. One store operation: 12 a minute and silo.</summary>
    public static readonly TimeSpan TableRefresh = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Two store operations: 16 a minute and silo. Two heartbeats missed make a row stale for Orleans, 15 s; <c>DeadSilos</c> counts a silo
    /// as dead after one heartbeat and an allowance without a sign: after the loss of all machines, a cluster starts again about 10 s after
    /// the first new one.
    /// </summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(7.5);

    public const int MissedHeartbeats = 2;

    /// <summary>In active silos. In a larger fleet nearly always two silos are left to see a machine's loss; and all heartbeats contend for
    /// one object.</summary>
    public const int SmallFleet = 8;

    /// <summary>
    /// Dead rows show the next owner how the last one ended, which matters for minutes; after an hour they only make the document longer,
    /// which each heartbeat writes.
    /// </summary>
    public static readonly TimeSpan DefunctExpiration = TimeSpan.FromHours(1);

    /// <summary>How often the oldest silo looks for such rows. One store operation.</summary>
    public static readonly TimeSpan DefunctCleanup = TimeSpan.FromMinutes(10);

    /// <summary>A call in flight to a silo that dies hangs so long, with Orleans' default 30 s; every call of Slowrun's may be
    /// repeated.</summary>
    public static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How soon a client finds a new silo, and how long it avoids one that did not answer.</summary>
    public static readonly TimeSpan GatewayRefresh = TimeSpan.FromSeconds(5);

    /// <summary>A stopping stage commits first, and a big checkpoint takes minutes to upload; Orleans' 30 s would cut it off.</summary>
    public static readonly TimeSpan Deactivation = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Nothing waits for a dead silo: it might go on for a while, but the next owners of its stages fence it by their roots. Orleans' 30 s
    /// are for grains that have no such fence.
    /// </summary>
    public static void Directory(GrainDirectoryOptions options) => options.RangeLeaseDuration = TimeSpan.Zero;

    public static void Membership(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = ProbeTimeout;
        options.MaxProbeTimeout = MaxProbeTimeout;
        options.NumMissedProbesLimit = MissedProbes;
        options.NumVotesForDeathDeclaration = Votes;
        options.TableRefreshTimeout = TableRefresh;
        options.IAmAliveTablePublishTimeout = Heartbeat;
        options.NumMissedTableIAmAliveLimit = MissedHeartbeats;
        options.DefunctSiloExpiration = DefunctExpiration;
        options.DefunctSiloCleanupPeriod = DefunctCleanup;
        // By clocks: one that is some minutes behind would be evicted while it joins. DeadSilos marks those that died in it.
        options.EvictWhenMaxJoinAttemptTimeExceeded = false;
    }

    public static void Names(ClusterOptions options, StoreCluster cluster)
    {
        options.ClusterId = cluster.Id;
        options.ServiceId = ServiceId;
    }
}
