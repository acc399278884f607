using System.Collections.Immutable;

namespace Slowrun.Grains.Tests.Simulation;

/// <summary>Who is in the cluster, as all silos see it at the same moment.</summary>
internal sealed class FleetMembership : IClusterMembershipService
{
    private ImmutableDictionary<SiloAddress, ClusterMember> members = ImmutableDictionary<SiloAddress, ClusterMember>.Empty;
    private long version;

    /// <summary>Whether a silo has gone, or else come.</summary>
    public event Action<bool>? Changed;

    /// <summary>What a silo that looks again finds.</summary>
    public Action? OnRefresh { get; set; }

    public ClusterMembershipSnapshot CurrentSnapshot { get; private set; } =
        new(ImmutableDictionary<SiloAddress, ClusterMember>.Empty, new MembershipVersion(0));

    public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates =>
        throw new NotSupportedException("A simulated silo listens to Changed.");

    public bool IsAlive(SiloAddress silo) => members.TryGetValue(silo, out var member) && member.Status == SiloStatus.Active;

    public void Set(SiloAddress silo, SiloStatus status)
    {
        members = members.SetItem(silo, new ClusterMember(silo, status, silo.ToParsableString()));
        CurrentSnapshot = new ClusterMembershipSnapshot(members, new MembershipVersion(++version));
        Changed?.Invoke(status == SiloStatus.Dead);
    }

    public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default)
    {
        OnRefresh?.Invoke();
        return ValueTask.CompletedTask;
    }

    public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);
}
