using Orleans.Configuration;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// Whether Orleans may write that another silo is dead. Orleans counts only silos with a fresh heartbeat: after an outage of the store
/// there are none, and the vote of one, which perhaps nobody can reach, would bury a living fleet.
/// </summary>
/// <param name="own">The silo that writes.</param>
internal sealed class DeathVerdict(SiloAddress own, HeartbeatWatch watch, Suspicions suspicions)
{
    private static readonly TimeSpan VotesLast = new ClusterMembershipOptions().DeathVoteExpirationTimeout;

    /// <summary>Notes whom this silo votes against, so that its heartbeat is watched from now on.</summary>
    public void Note(MembershipEntry next)
    {
        if (!next.SiloAddress.Equals(own) && (next.SuspectTimes ?? []).Any(vote => vote.Item1.Equals(own)))
        {
            suspicions.Raise(next.SiloAddress.ToParsableString());
        }
    }

    /// <summary>
    /// It may where so many silos agree as Orleans asks of a fleet whose rows are all fresh, or where the heartbeat stands still though it
    /// could be written. A silo that is still joining is no fleet: it needs a second witness, or that proof.
    /// </summary>
    public bool Allows(MembershipDocument document, MembershipRow old, MembershipEntry next)
    {
        // Who has its address is its successor.
        if (next.Status != SiloStatus.Dead || old.Status == SiloStatus.Dead || old.Address.Endpoint.Equals(own.Endpoint))
        {
            return true;
        }

        var votes = (next.SuspectTimes ?? []).ToList();
        var newest = votes.Select(vote => vote.Item2).DefaultIfEmpty().Max();
        var witnesses = votes.Where(vote => newest - vote.Item2 < VotesLast).Select(vote => vote.Item1).Distinct().Count();
        var isMember = document.Find(own)?.Status == SiloStatus.Active;
        var active = document.Rows.Count(row => row.Status == SiloStatus.Active);
        var enough = isMember ? Math.Min(ClusterTuning.Votes, (active + 1) / 2) : ClusterTuning.Votes;
        return witnesses >= enough || watch.StillFor(old) >= watch.Patience(old);
    }
}
