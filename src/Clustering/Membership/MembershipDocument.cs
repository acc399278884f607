namespace Slowrun.Clustering.Membership;

/// <summary>
/// The whole membership table as one document, replaced by compare-and-swap. Version and row etags are numbers of its own, not the store's:
/// a heartbeat replaces the document too, and must not make Orleans' next update fail.
/// </summary>
internal sealed record MembershipDocument
{
    public int Format { get; init; } = 1;

    public int Version { get; init; }

    public IReadOnlyList<MembershipRow> Rows { get; init; } = [];
}

/// <summary>One silo's row.</summary>
internal sealed record MembershipRow
{
    /// <summary>Counts the row's logical changes; heartbeats are none.</summary>
    public required int ETag { get; init; }

    /// <summary>As <c>SiloAddress.ToParsableString</c> writes it.</summary>
    public required string Silo { get; init; }

    public required string SiloName { get; init; }

    public required string Status { get; init; }

    public int ProxyPort { get; init; }

    public string HostName { get; init; } = "";

    public string RoleName { get; init; } = "";

    public int UpdateZone { get; init; }

    public int FaultZone { get; init; }

    public DateTime StartTime { get; init; }

    public DateTime IAmAliveTime { get; init; }

    public IReadOnlyList<SuspectVote> SuspectTimes { get; init; } = [];

    /// <summary>Which process on which machine this is; lets a later silo of the machine bury it at once.</summary>
    public ProcessIdentity? Process { get; init; }
}

internal sealed record SuspectVote(string Silo, DateTime At);
