using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>Whose death Orleans may write, and whose not: the rows are as after an outage of the store, when Orleans takes nobody's
/// heartbeat for fresh.</summary>
public sealed class DeathVerdictTests
{
    private readonly MemoryStore store = new();
    private readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now.AddHours(1)));
    private readonly HeartbeatWatch watch;
    private readonly Suspicions suspicions;
    private readonly MembershipFile file;
    private readonly SiloAddress own = SiloAddress.New(IPAddress.Loopback, 22222, 1);
    private readonly StoreMembershipTable table;

    public DeathVerdictTests()
    {
        watch = new HeartbeatWatch(time);
        suspicions = new Suspicions(time);
        file = new MembershipFile(store, watch: watch);
        table = new StoreMembershipTable(store, file, time, ProcessIdentity.Current, verdict: new DeathVerdict(own, watch, suspicions));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Death_ByOneVoteOfASiloThatIsStillJoining_IsRefused(int fleet)
    {
        var victim = await FleetAsync(fleet, SiloStatus.Joining);

        Assert.False(await DeclareDeadAsync(victim, own));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(victim));
        Assert.Contains(victim.SiloAddress.ToParsableString(), suspicions.Current);
    }

    [Fact]
    public async Task Death_ByOneVoteOfAMemberOfThree_IsRefused()
    {
        var victim = await FleetAsync(2, SiloStatus.Active);

        Assert.False(await DeclareDeadAsync(victim, own));
    }

    [Theory]
    [InlineData(SiloStatus.Joining)]
    [InlineData(SiloStatus.Active)]
    public async Task Death_ByTwoWitnesses_IsWritten(SiloStatus status)
    {
        var victim = await FleetAsync(3, status);

        Assert.True(await DeclareDeadAsync(victim, own, Entries.Silo()));
        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(victim));
    }

    /// <summary>Of four members one looks stale to a silo whose clock is ahead: that silo watches it while it joins, and reaches nobody.
    /// </summary>
    [Fact]
    public async Task Vote_OfASiloThatIsStillJoining_IsNotRecorded_SoThatItsNextStartHasNoSecondWitness()
    {
        var victim = await FleetAsync(4, SiloStatus.Joining);

        Assert.False(await VoteAsync(victim, own));
        Assert.Empty(await VotersAsync(victim));
        Assert.Contains(victim.SiloAddress.ToParsableString(), suspicions.Current);

        // Ended, and started again by its supervisor.
        var again = SiloAddress.New(IPAddress.Loopback, 22222, 2);
        var next = new StoreMembershipTable(store, file, time, self: null, verdict: new DeathVerdict(again, watch, suspicions));
        await next.AddAsync(Joining(again));
        Assert.False(await DeclareDeadAsync(next, victim, [.. await VotersAsync(victim), again]));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(victim));
    }

    [Fact]
    public async Task Vote_OfASiloThatHasBecomeAMember_IsRecorded()
    {
        var victim = await FleetAsync(4, SiloStatus.Joining);
        var data = await table.ReadAllAsync(Cancel);
        var (self, etag) = data.TryGet(own)!;
        self.Status = SiloStatus.Active;
        Assert.True(await table.UpdateRowAsync(self, etag, data.Version.Next(), Cancel));

        Assert.True(await VoteAsync(victim, own));
        Assert.Equal([own], await VotersAsync(victim));
    }

    [Fact]
    public async Task Death_ByTwoVotesOfTheSameSilo_IsRefused()
    {
        var victim = await FleetAsync(3, SiloStatus.Active);

        Assert.False(await DeclareDeadAsync(victim, own, own));
    }

    [Fact]
    public async Task Death_ByTheOtherOfTwoMembers_IsWritten()
    {
        var victim = await FleetAsync(1, SiloStatus.Active);

        Assert.True(await DeclareDeadAsync(victim, own));
    }

    [Fact]
    public async Task Death_OfOneWhoseHeartbeatStoodStillUnderWatch_NeedsOneVote()
    {
        var victim = await FleetAsync(3, SiloStatus.Joining);
        for (var watched = TimeSpan.Zero; watched < ClusterTuning.Heartbeat + HeartbeatWatch.Allowance; watched += TimeSpan.FromSeconds(1))
        {
            Assert.False(await DeclareDeadAsync(victim, own));
            await file.ProveWritableAsync(Cancel);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await file.ProveWritableAsync(Cancel);
        Assert.True(await DeclareDeadAsync(victim, own));
    }

    [Fact]
    public async Task Death_OfItsOwnAddressesEarlierSilo_NeedsNoWitness()
    {
        await FleetAsync(2, SiloStatus.Joining);
        var before = Entries.New();
        before.SiloAddress = SiloAddress.New(own.Endpoint, 0);
        await table.AddAsync(before);

        Assert.True(await DeclareDeadAsync(before, own));
    }

    [Fact]
    public async Task Death_OfItself_IsWritten()
    {
        await FleetAsync(2, SiloStatus.Active);
        var self = (await table.ReadAllAsync(Cancel)).TryGet(own)!.Item1;

        Assert.True(await DeclareDeadAsync(self));
        Assert.Empty(suspicions.Current);
    }

    /// <summary>So many members, of which the first is returned, and the silo itself.</summary>
    private async Task<MembershipEntry> FleetAsync(int members, SiloStatus status)
    {
        var all = new List<MembershipEntry>();
        for (var i = 0; i < members; i++)
        {
            all.Add(await new StoreMembershipTable(store, self: null).AddAsync(Entries.New()));
        }

        var self = Entries.New(status);
        self.SiloAddress = own;
        await table.AddAsync(self);
        return all[0];
    }

    private static MembershipEntry Joining(SiloAddress silo)
    {
        var entry = Entries.New(SiloStatus.Joining);
        entry.SiloAddress = silo;
        return entry;
    }

    private Task<bool> DeclareDeadAsync(MembershipEntry victim, params SiloAddress[] voters) => DeclareDeadAsync(table, victim, voters);

    private Task<bool> DeclareDeadAsync(StoreMembershipTable by, MembershipEntry victim, params SiloAddress[] voters) =>
        WriteAsync(by, victim, SiloStatus.Dead, voters);

    /// <summary>As Orleans does where it demands more votes.</summary>
    private Task<bool> VoteAsync(MembershipEntry victim, params SiloAddress[] voters) =>
        WriteAsync(table, victim, SiloStatus.Active, voters);

    private async Task<bool> WriteAsync(StoreMembershipTable by, MembershipEntry victim, SiloStatus status, SiloAddress[] voters)
    {
        var data = await by.ReadAllAsync(Cancel);
        var (entry, etag) = data.TryGet(victim.SiloAddress)!;
        entry.SuspectTimes = [.. voters.Select(voter => Tuple.Create(voter, time.GetUtcNow().UtcDateTime))];
        entry.Status = status;
        return await by.UpdateRowAsync(entry, etag, data.Version.Next(), Cancel);
    }

    private async Task<IReadOnlyList<SiloAddress>> VotersAsync(MembershipEntry victim) =>
        [.. (await table.ReadAllAsync(Cancel)).TryGet(victim.SiloAddress)!.Item1.SuspectTimes!.Select(vote => vote.Item1)];
}
