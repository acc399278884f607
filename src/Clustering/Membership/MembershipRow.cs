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

    /// <summary>How often it promises a heartbeat while anybody has work under way; null: as often as every silo.</summary>
    public double? HeartbeatSeconds { get; init; }

    /// <summary>Whether it has work under way, and so lets the others of a small fleet give more heartbeats too.</summary>
    public bool Works { get; init; }

    public IReadOnlyList<SuspectVote> SuspectTimes { get; init; } = [];

    /// <summary>Which process on which machine this is: lets a later silo of the machine see at once that it is gone.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>What it can train on, one stage each: <c>cpu:0</c>, <c>cuda:1</c>. For people; who takes what is settled between the silo
    /// and the stage.</summary>
    public IReadOnlyList<string> Slots { get; init; } = [];

    /// <summary>Memory of each of <see cref="Slots"/>, in their order; null: not known.</summary>
    public IReadOnlyList<long>? SlotBytes { get; init; }

    /// <summary>How its process ended, if somebody who saw it told.</summary>
    public SiloEnd? End { get; init; }

    [JsonIgnore]
    public SiloAddress Address => SiloAddress.FromParsableString(Silo);

    /// <summary>The last sign of life: a silo that has only just begun to join has not given a heartbeat yet.</summary>
    [JsonIgnore]
    public DateTime LastSign => IAmAliveTime > StartTime ? IAmAliveTime : StartTime;
}

internal sealed record SuspectVote(string Silo, DateTime At) : ExtensibleRecord;
