namespace Slowrun.Clustering.Membership;

/// <summary>What this process knows of other silos' heartbeats, by its monotonic clock alone.</summary>
internal interface IHeartbeats
{
    /// <summary>For how long it has stood still though it could have been written. Zero where nothing is proven.</summary>
    TimeSpan StillFor(MembershipRow row);

    /// <summary>How long it must have stood still before its silo may be taken for dead.</summary>
    TimeSpan Patience(MembershipRow row);

    /// <summary>As <see cref="Patience"/>, for a silo whose port refuses connections.</summary>
    TimeSpan PatienceWithRefused(MembershipRow row);

    /// <summary>Whether a promised one is late, so that a closer look is worth its cost.</summary>
    bool IsOverdue(MembershipRow row);
}
