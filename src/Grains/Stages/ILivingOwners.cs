using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Which owners in roots are alive, as far as that can be known before a stage is taken.</summary>
internal interface ILivingOwners
{
    /// <summary>The version of the membership that this silo has seen: what it writes into a root that it takes.</summary>
    long? MembershipVersion { get; }

    /// <summary>Whether the owner's silo is a member of the cluster, in a view that is not older than the owner's own at its
    /// take.</summary>
    ValueTask<bool> IsAliveAsync(StageOwner owner, CancellationToken cancellationToken);
}
