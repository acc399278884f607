using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>Members whose connections have ended and whose port refuses: who may be called dead for it, and who not.</summary>
public sealed class RefusedSilosTests
{
    private readonly MemoryStore store = new();
    private readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now.AddMinutes(1)));
    private readonly Dictionary<IPEndPoint, Func<PortAnswer>> ports = [];
    private int asked;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Look_OfOneOfThree_VotesOnce_AndTheSecondVoteIsItsDeath()
    {
        var fleet = await FleetAsync(3);
        ports[fleet[2].Endpoint] = () => PortAnswer.Refuses;

        await LookAsync(fleet[0]);
        var row = await RowAsync(fleet[2]);
        Assert.Equal((SiloStatus.Active, 1), (row.Status, row.SuspectTimes.Count));
        await LookAsync(fleet[0]);
        Assert.Equal(SiloStatus.Active, (await RowAsync(fleet[2])).Status);

        await LookAsync(fleet[1]);

        Assert.Equal(SiloStatus.Dead, (await RowAsync(fleet[2])).Status);
        Assert.Equal(SiloStatus.Active, (await RowAsync(fleet[0])).Status);
        Assert.Equal(SiloStatus.Active, (await RowAsync(fleet[1])).Status);
    }

    [Fact]
    public async Task Look_OfTheOtherOfTwo_NeedsNoSecondVote()
    {
        var fleet = await FleetAsync(2);
        ports[fleet[1].Endpoint] = () => PortAnswer.Refuses;

        await LookAsync(fleet[0]);

        Assert.Equal(SiloStatus.Dead, (await RowAsync(fleet[1])).Status);
    }

    [Fact]
    public async Task Look_OfOneWhoseFirstAnswerIsLate_AsksItAgain()
    {
        var fleet = await FleetAsync(2);
        var questions = 0;
        ports[fleet[1].Endpoint] = () => ++questions == 1 ? PortAnswer.Silent : PortAnswer.Refuses;

        await LookAsync(fleet[0]);

        Assert.Equal(SiloStatus.Dead, (await RowAsync(fleet[1])).Status);
    }

    [Fact]
    public async Task Look_OfOneThatAnswersAgainMeanwhile_SparesIt()
    {
        var fleet = await FleetAsync(2);
        var refusals = 0;
        ports[fleet[1].Endpoint] = () => ++refusals % RefusedSilos.Refusals == 0 ? PortAnswer.Accepts : PortAnswer.Refuses;

        await LookAsync(fleet[0]);

        Assert.Empty((await RowAsync(fleet[1])).SuspectTimes);
    }

    [Fact]
    public async Task Look_OfOneThatGivesAHeartbeatMeanwhile_SparesIt()
    {
        var fleet = await FleetAsync(2);
        var refusals = 0;
        ports[fleet[1].Endpoint] = () =>
        {
            if (++refusals == RefusedSilos.Refusals)
            {
                Beat(fleet[1]);
            }

            return PortAnswer.Refuses;
        };

        await LookAsync(fleet[0]);

        Assert.Empty((await RowAsync(fleet[1])).SuspectTimes);
    }

    [Fact]
    public async Task Look_OfOneThatSaysNothing_AsksTwiceAndLeavesItToItsHeartbeat()
    {
        var fleet = await FleetAsync(2);
        ports[fleet[1].Endpoint] = () => PortAnswer.Silent;

        await LookAsync(fleet[0]);

        Assert.Empty((await RowAsync(fleet[1])).SuspectTimes);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task Look_OfAProcessOfThisMachine_LeavesItToThoseWhoLookItUp()
    {
        var fleet = await FleetAsync(2, ProcessIdentity.Current);
        ports[fleet[1].Endpoint] = () => PortAnswer.Refuses;

        await LookAsync(fleet[0]);

        Assert.Equal((0, 0), ((await RowAsync(fleet[1])).SuspectTimes.Count, asked));
    }

    [Fact]
    public async Task Look_InALargeFleet_AsksNobody()
    {
        var fleet = await FleetAsync(ClusterTuning.SmallFleet + 1);

        await LookAsync(fleet[0]);

        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task Look_OfASiloThatIsNoMember_CountsForNothing()
    {
        var fleet = await FleetAsync(2);
        ports[fleet[1].Endpoint] = () => PortAnswer.Refuses;

        await LookAsync(Entries.Silo());

        Assert.Empty((await RowAsync(fleet[1])).SuspectTimes);
    }

    [Fact]
    public async Task Next_EndsWithAConnection_AndIsAnotherOneThen()
    {
        var ends = new ConnectionEnds();
        var next = ends.Next;
        Assert.False(next.IsCompleted);

        ends.Tell();

        await next.WaitAsync(Cancel);
        Assert.False(ends.Next.IsCompleted);
    }

    private async Task<SiloAddress[]> FleetAsync(int size, ProcessIdentity? process = null)
    {
        var all = new SiloAddress[size];
        for (var i = 0; i < size; i++)
        {
            var entry = Entries.New();
            entry.SiloAddress = all[i] = SiloAddress.New(IPAddress.Loopback, 20000 + i, 1);
            await new StoreMembershipTable(store, process).AddAsync(entry);
        }

        return all;
    }

    private async Task LookAsync(SiloAddress own)
    {
        var watch = new HeartbeatWatch(time);
        var suspicions = new Suspicions(time);
        var file = new MembershipFile(store, watch: watch, time: time);
        await file.ReadAsync(Cancel);
        var refused = new RefusedSilos(
            file,
            own,
            new DeathVerdict(own, watch, suspicions),
            suspicions,
            new Unchanging(),
            new ConnectionEnds(),
            time,
            AskAsync,
            NullLogger<RefusedSilos>.Instance
        );
        var looking = refused.LookAsync(Cancel);
        while (!looking.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(0.1));
            await Task.Yield();
        }

        await looking;
    }

    private Task<PortAnswer> AskAsync(IPEndPoint endpoint, CancellationToken cancellationToken)
    {
        asked++;
        return Task.FromResult(ports.TryGetValue(endpoint, out var answer) ? answer() : PortAnswer.Accepts);
    }

    private void Beat(SiloAddress silo) =>
        new StoreMembershipTable(store, self: null)
            .UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = silo, IAmAliveTime = time.GetUtcNow().UtcDateTime }, Cancel)
            .GetAwaiter()
            .GetResult();

    private async Task<MembershipRow> RowAsync(SiloAddress silo) => (await new MembershipFile(store).ReadAsync(Cancel)).Find(silo)!;

    /// <summary>Orleans' view, which is never brought up to date.</summary>
    private sealed class Unchanging : IClusterMembershipService
    {
        public ClusterMembershipSnapshot CurrentSnapshot { get; } =
            new(ImmutableDictionary<SiloAddress, ClusterMember>.Empty, new MembershipVersion(0));

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException("Nobody listens here.");

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) =>
            ValueTask.CompletedTask;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);
    }
}
