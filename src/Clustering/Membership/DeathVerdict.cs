using Orleans.Configuration;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// Whether Orleans may write that another silo is dead, or suspected. Orleans counts only silos with a fresh heartbeat: after an outage of
/// the store there are none, and the vote of a single silo, which may itself be cut off, would mark a living fleet dead.
/// </summary>
/// <param name="own">The silo that writes.</param>
internal sealed class DeathVerdict(SiloAddress own, IHeartbeats heartbeats, Suspicions suspicions)
{
    private static readonly TimeSpan VotesLast = new ClusterMembershipOptions().DeathVoteExpirationTimeout;

    /// <summary>Notes the silo that this one votes against, so that its heartbeat is watched from now on.</summary>
    public void Note(MembershipEntry next)
    {
        if (!next.SiloAddress.Equals(own) && VotesAgainst(next))
        {
            suspicions.Raise(next.SiloAddress.ToParsableString());
        }
    }

    /// <summary>
    /// A death is allowed where as many silos agree as Orleans demands of a fleet whose rows are all fresh, or where the heartbeat has
    /// stopped although it could have been written. A silo that is still joining needs the vote of a member beside its own, or that proof.
    /// A vote that stays one is a member's: one that is joining may reach nobody, be started again, and so be its own second witness.
    /// </summary>
    public bool Allows(MembershipDocument document, MembershipRow old, MembershipEntry next)
    {
        // A silo at the same address is its successor.
        if (old.Status == SiloStatus.Dead || old.Address.Endpoint.Equals(own.Endpoint))
        {
            return true;
        }

        if (next.Status != SiloStatus.Dead)
        {
            return IsMember(document) || !VotesAgainst(next);
        }

        return AreEnough(document, [.. (next.SuspectTimes ?? []).Select(vote => (vote.Item1.ToParsableString(), vote.Item2))])
            || heartbeats.StillFor(old) >= heartbeats.Patience(old);
    }

    /// <summary>Whether so many different silos have voted against one as Orleans asks of a fleet whose heartbeats are all fresh.</summary>
    /// <param name="votes">Voter and time; old ones do not count.</param>
    public bool AreEnough(MembershipDocument document, IReadOnlyList<(string Silo, DateTime At)> votes)
    {
        var newest = votes.Select(vote => vote.At).DefaultIfEmpty().Max();
        var witnesses = votes.Where(vote => newest - vote.At < VotesLast).Select(vote => vote.Silo).Distinct().Count();
        var active = document.Rows.Count(row => row.Status == SiloStatus.Active);
        return witnesses >= (IsMember(document) ? Math.Min(ClusterTuning.Votes, (active + 1) / 2) : ClusterTuning.Votes);
    }

    private bool IsMember(MembershipDocument document) => document.Find(own)?.Status == SiloStatus.Active;

    private bool VotesAgainst(MembershipEntry entry) => (entry.SuspectTimes ?? []).Any(vote => vote.Item1.Equals(own));
}
