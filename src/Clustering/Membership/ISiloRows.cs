namespace Slowrun.Clustering.Membership;

/// <summary>The rows of a store's silos, wherever Orleans keeps them: for close looks, and for writing deaths.</summary>
internal interface ISiloRows
{
    /// <summary>As last read by any caller; null: not read yet.</summary>
    MembershipDocument? LastRead { get; }

    Task<MembershipDocument> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Writes an object whose content is not used, where the heartbeats are written: it proves that a living silo could have
    /// written its heartbeat.</summary>
    Task ProveWritableAsync(CancellationToken cancellationToken);

    /// <summary>Marks silos dead. A silo with a heartbeat since it was judged is left alone.</summary>
    /// <param name="judged">As they were when they were judged.</param>
    /// <returns>Those that are dead now by this call.</returns>
    Task<IReadOnlyList<MembershipRow>> DeclareDeadAsync(IReadOnlyList<MembershipRow> judged, CancellationToken cancellationToken);
}
