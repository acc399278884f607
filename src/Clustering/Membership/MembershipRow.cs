using System.Text.Json.Serialization;
using Slowrun.Core;

namespace Slowrun.Clustering.Membership;

/// <summary>One silo's row of the membership document. All times are UTC, by the clock of the silo that wrote them.</summary>
internal sealed record MembershipRow : ExtensibleRecord
{
    /// <summary>Write id of the row's last logical change; heartbeats are none.</summary>
    public required string ETag { get; init; }

    /// <summary>As <see cref="SiloAddress.ToParsableString"/> writes it.</summary>
    public required string Silo { get; init; }

    public required string SiloName { get; init; }

    public required SiloStatus Status { get; init; }

    public int ProxyPort { get; init; }

    public string HostName { get; init; } = "";

    public string? RoleName { get; init; }

    public int UpdateZone { get; init; }

    public int FaultZone { get; init; }

    public DateTime StartTime { get; init; }

    public DateTime IAmAliveTime { get; init; }

    /// <summary>How often it promises a heartbeat while the fleet has work under way; null: as often as every silo.</summary>
    public double? HeartbeatSeconds { get; init; }

    /// <summary>Whether it has work under way, so that the other silos of a small fleet send more heartbeats too.</summary>
    public bool Works { get; init; }

    public IReadOnlyList<SuspectVote> SuspectTimes { get; init; } = [];

    /// <summary>Its process and machine: another silo of the machine sees at once that the process is gone.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>Its slots, one stage each: <c>cpu:0</c>, <c>cuda:1</c>. For users; offers do not depend on it.</summary>
    public IReadOnlyList<string> Slots { get; init; } = [];

    /// <summary>Memory of each of <see cref="Slots"/>, in their order; null: not known.</summary>
    public IReadOnlyList<long>? SlotBytes { get; init; }

    /// <summary>How its process ended, if its supervisor reported it.</summary>
    public SiloEnd? End { get; init; }

    [JsonIgnore]
    public SiloAddress Address => SiloAddress.FromParsableString(Silo);

    /// <summary>The last sign of life: a silo that has only just begun to join has not given a heartbeat yet.</summary>
    [JsonIgnore]
    public DateTime LastSign => IAmAliveTime > StartTime ? IAmAliveTime : StartTime;
}

internal sealed record SuspectVote(string Silo, DateTime At) : ExtensibleRecord;
