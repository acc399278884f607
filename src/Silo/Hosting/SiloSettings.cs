using System.Net;
using Slowrun.Clustering.Membership;
using Slowrun.Silo.Http;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Hosting;

/// <summary>The options of a silo's command line; the store holds the rest.</summary>
internal sealed record SiloSettings
{
    public required string Store { get; init; }

    public required IReadOnlyList<string> Slots { get; init; }

    /// <summary>How many stages it trains at a time; null: as many as it has slots.</summary>
    public int? Stages { get; init; }

    /// <summary>Where the cluster's rows are kept; null: where the store says.</summary>
    public ClusterPlace? Clustering { get; init; }

    /// <summary>Shown to people; by default host name and process id.</summary>
    public string Name { get; init; } = $"{Environment.MachineName}-{Environment.ProcessId}";

    /// <summary>Where the ports listen: loopback unless told otherwise.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>The address that other silos and clients use; null: <see cref="Listen"/>.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>Listened on. 0: any free port.</summary>
    public int SiloPort { get; init; }

    public int GatewayPort { get; init; }

    /// <summary>The port that others use, where ports are mapped in between (a container's host, a relay); null: the one listened
    /// on.</summary>
    public int? AdvertiseSiloPort { get; init; }

    public int? AdvertiseGatewayPort { get; init; }

    /// <summary>End of file on standard input means that the parent is gone: commit and stop.</summary>
    public bool ParentPipe { get; init; }

    /// <summary>Leaves when nothing was ready for so long, so that the machine can end; null: never.</summary>
    public TimeSpan? ExitWhenIdle { get; init; }

    /// <summary>How long it may take to commit, release and leave; then the process ends as it is.</summary>
    public TimeSpan StopWithin { get; init; } = ClusterTuning.Deactivation;

    /// <summary>Where health, metrics and the page are served; null: no port is opened for them.</summary>
    public HttpSettings? Http { get; init; }

    /// <summary>Where the platform announces the end of this machine; null: no service is asked.</summary>
    public PreemptionSettings? Preemption { get; init; }
}
