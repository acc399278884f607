using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Runs;

/// <summary>
/// The silos that are alive by Orleans' membership. An old view would show an owner as dead that has joined since, so the view is refreshed
/// before an owner counts as dead.
/// </summary>
internal sealed class LivingSilos(IClusterMembershipService membership) : ILivingOwners
{
    private volatile View? seen;

    public long? MembershipVersion => membership.CurrentSnapshot.Version.Value;

    // One that is leaving still commits and releases its stages.
    public IReadOnlySet<string> Now => Seen.Living;

    /// <summary>The silos that take work.</summary>
    public IReadOnlySet<string> Active => Seen.Active;

    // Computed once for each view: every look of every silo needs it several times.
    private View Seen
    {
        get
        {
            var (snapshot, known) = (membership.CurrentSnapshot, seen);
            return known?.Of == snapshot
                ? known
                : seen = new View(
                    snapshot,
                    In(snapshot, SiloStatus.Active, SiloStatus.Joining, SiloStatus.ShuttingDown, SiloStatus.Stopping),
                    In(snapshot, SiloStatus.Active)
                );
        }
    }

    public async ValueTask<bool> IsAliveAsync(StageOwner owner, CancellationToken cancellationToken)
    {
        if (Now.Contains(owner.Silo))
        {
            return true;
        }

        // An owner of an older build may have joined at any time.
        if (owner.MembershipVersion is not { } seen || seen > MembershipVersion)
        {
            await RefreshAsync(cancellationToken);
            return Now.Contains(owner.Silo);
        }

        return false;
    }

    /// <summary>The facts with the living as they are now: in a view that no owner's is newer than.</summary>
    public async ValueTask<RunFacts> JudgedAsync(RunFacts facts, CancellationToken cancellationToken)
    {
        var living = Now;
        if (
            facts.Roots.Values.Any(root =>
                root.Owner is { } owner && owner.MembershipVersion > MembershipVersion && !living.Contains(owner.Silo)
            )
        )
        {
            await RefreshAsync(cancellationToken);
            living = Now;
        }

        return facts with
        {
            AliveSilos = living,
        };
    }

    private static HashSet<string> In(ClusterMembershipSnapshot snapshot, params SiloStatus[] statuses) =>
        snapshot
            .Members.Values.Where(member => statuses.Contains(member.Status))
            .Select(member => member.SiloAddress.ToParsableString())
            .ToHashSet(StringComparer.Ordinal);

    // Without a version to reach: the table may have been created again, with lower versions. It is read after the root, which is enough.
    private async Task RefreshAsync(CancellationToken cancellationToken) => await membership.Refresh(default, cancellationToken);

    private sealed record View(ClusterMembershipSnapshot Of, IReadOnlySet<string> Living, IReadOnlySet<string> Active);
}
