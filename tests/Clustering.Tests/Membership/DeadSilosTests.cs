using System.Net;
using System.Net.Sockets;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>Who is dead, and who may live.</summary>
public sealed class DeadSilosTests : WatchedTableTests
{
    [Fact]
    public async Task Bury_WhenTheProcessOfThisMachineIsGone_MarksItDeadAtOnce()
    {
        using var child = new ChildProcess();
        var entry = await new StoreMembershipTable(store, child.Identity).AddAsync(Entries.New(name: "first"));
        var living = await table.AddAsync(Entries.New());
        child.Kill();

        var buried = Assert.Single(await dead.BuryAsync(Cancel));

        Assert.Equal(("first", entry.SiloAddress.ToParsableString()), (buried.Name, buried.Silo));
        Assert.Contains("is gone", buried.Reason, StringComparison.Ordinal);
        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(entry));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(living));
    }

    [Theory]
    [InlineData(SiloStatus.Created)]
    [InlineData(SiloStatus.Joining)]
    [InlineData(SiloStatus.ShuttingDown)]
    [InlineData(SiloStatus.Stopping)]
    public async Task Bury_WhenTheGoneProcessWasJoiningOrLeaving_MarksItDeadToo(SiloStatus status)
    {
        var entry = await new StoreMembershipTable(store, ProcessIdentity.Current with { StartTicks = 1 }).AddAsync(Entries.New(status));

        await dead.BuryAsync(Cancel);

        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_WhenTheProcessOfThisMachineRuns_SparesItHoweverOldItsHeartbeat()
    {
        var entry = await table.AddAsync(Entries.New());
        time.Advance(TimeSpan.FromHours(1));

        Assert.Empty(await dead.BuryAsync(Cancel));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_WhenTheProcessOfThisMachineIsHalted_WaitsUntilItsHeartbeatIsStale()
    {
        using var child = new ChildProcess();
        var entry = await new StoreMembershipTable(store, child.Identity).AddAsync(Entries.New());
        child.Halt();

        Assert.Empty(await dead.BuryAsync(Cancel));
        time.Advance(DeadSilos.StaleAfter);
        Assert.Single(await dead.BuryAsync(Cancel));
        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_OfAnotherMachinesSilo_NeedsAHeartbeatThatStoodStillUnderWatchAndNoAnswer()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        answering.Add(entry.SiloAddress.Endpoint);
        Assert.Empty(await WatchAsync(Patience + Patience));

        answering.Clear();
        Assert.Contains("does not answer", Assert.Single(await WatchAsync(TimeSpan.Zero)).Reason, StringComparison.Ordinal);
        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_HoweverOldTheHeartbeatIsByTheClock_WatchesForAPeriodAndItsAllowanceFirst()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        time.Advance(TimeSpan.FromHours(1));

        Assert.Empty(await WatchAsync(Patience - Second));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(entry));
        time.Advance(Second);
        Assert.Single(await WatchAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task Bury_OfOneThatPromisedMoreHeartbeats_IsSooner()
    {
        var promised = await PromisingAsync(2);

        Assert.Empty(await WatchAsync(TimeSpan.FromSeconds(4)));
        time.Advance(Second);
        Assert.Equal(promised, Assert.Single(await WatchAsync(TimeSpan.Zero)).Silo);
    }

    [Fact]
    public async Task Bury_OfOneThatRefusesConnections_IsSoonerStill()
    {
        var silo = await PromisingAsync(2);
        refusing.Add(SiloAddress.FromParsableString(silo).Endpoint);

        Assert.Empty(await WatchAsync(TimeSpan.FromSeconds(2)));
        time.Advance(Second);
        Assert.Contains("refuses", Assert.Single(await WatchAsync(TimeSpan.Zero)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bury_OfOneThatRefusesASiloThatIsJoining_TakesAsLongAsOfOneThatSaysNothing()
    {
        var silo = await PromisingAsync(2);
        refusing.Add(SiloAddress.FromParsableString(silo).Endpoint);
        dead.HeedsRefusals = false;

        Assert.Empty(await WatchAsync(TimeSpan.FromSeconds(4)));
        time.Advance(Second);
        Assert.Contains("does not answer", Assert.Single(await WatchAsync(TimeSpan.Zero)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bury_OfOneThatSaysNothing_HasAskedItsPortWhenItsPatienceIsOver()
    {
        await PromisingAsync(2);
        List<(DateTimeOffset At, TaskCompletionSource<PortAnswer> Answer)> questions = [];
        var asking = new DeadSilos(
            store,
            time,
            (_, _) =>
            {
                questions.Add((time.GetUtcNow(), new TaskCompletionSource<PortAnswer>()));
                return questions[^1].Answer.Task;
            }
        );
        var began = time.GetUtcNow();
        IReadOnlyList<BuriedSilo> buried = [];
        while (buried.Count == 0)
        {
            var look = asking.BuryAsync(Cancel);
            while (!look.IsCompleted)
            {
                PassTime(TimeSpan.FromSeconds(0.05));
                await Task.Yield();
            }

            buried = await look;
            PassTime(TimeSpan.FromSeconds(buried.Count == 0 ? 0.4 : 0));
        }

        // The second one is for a silo that is back since then: a round trip is waited for.
        Assert.Equal(2, questions.Count);
        // Its period and the allowance, and no second more for the port.
        Assert.InRange((time.GetUtcNow() - began).TotalSeconds, 4.5, 5.2);

        void PassTime(TimeSpan passing)
        {
            time.Advance(passing);
            foreach (var (at, answer) in questions.Where(one => time.GetUtcNow() - one.At >= SiloPort.AnswerTimeout))
            {
                answer.TrySetResult(PortAnswer.Silent);
            }
        }
    }

    [Fact]
    public async Task Bury_OfOneThatRefusesConnections_NeedsALateHeartbeatToo()
    {
        var silo = SiloAddress.FromParsableString(await PromisingAsync(2));
        refusing.Add(silo.Endpoint);
        for (var i = 0; i < 10; i++)
        {
            Assert.Empty(await WatchAsync(TimeSpan.FromSeconds(2)));
            await table.UpdateIAmAliveAsync(
                new MembershipEntry { SiloAddress = silo, IAmAliveTime = time.GetUtcNow().UtcDateTime },
                Cancel
            );
        }
    }

    [Fact]
    public async Task Bury_WhenItsProcessIsUnknown_GoesByTheHeartbeat()
    {
        await new StoreMembershipTable(store, self: null).AddAsync(Entries.New());

        Assert.Single(await WatchAsync(Patience));
    }

    [Fact]
    public async Task Bury_WhenTheHeartbeatIsFromTheFuture_NoticesThatItStandsStill()
    {
        var entry = Entries.New();
        entry.IAmAliveTime = Entries.Now.AddHours(1);
        await new StoreMembershipTable(store, Elsewhere).AddAsync(entry);

        Assert.Single(await WatchAsync(Patience));
    }

    [Fact]
    public async Task Bury_WhenTheHeartbeatMoves_SparesItWhateverItsClockSays()
    {
        var entry = Entries.New();
        entry.IAmAliveTime = Entries.Now.AddHours(-1);
        await new StoreMembershipTable(store, Elsewhere).AddAsync(entry);
        for (var i = 0; i < 4; i++)
        {
            Assert.Empty(await WatchAsync(ClusterTuning.Heartbeat));
            entry.IAmAliveTime += ClusterTuning.Heartbeat;
            await table.UpdateIAmAliveAsync(entry, Cancel);
        }
    }

    [Fact]
    public async Task Bury_WhenASignOfLifeComesWhileItIsJudged_SparesTheSilo()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        var late = new DeadSilos(
            store,
            time,
            async (_, cancel) =>
            {
                entry.IAmAliveTime = time.GetUtcNow().UtcDateTime;
                await table.UpdateIAmAliveAsync(entry, cancel);
                return PortAnswer.Silent;
            }
        );

        Assert.Empty(await WatchAsync(Patience, late));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_ByItsOwnProbe_TellsAListenerFromAClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var open = Entries.New();
        open.SiloAddress = SiloAddress.New(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port, 1);
        var closed = Entries.New();
        // Port 1 is reserved, and no process serves it.
        closed.SiloAddress = SiloAddress.New(IPAddress.Loopback, 1, 1);
        var elsewhere = new StoreMembershipTable(store, Elsewhere);
        await elsewhere.AddAsync(open);
        await elsewhere.AddAsync(closed);

        Assert.Equal(closed.SiloAddress.ToParsableString(), Assert.Single(await WatchAsync(Patience, new DeadSilos(store, time))).Silo);
    }

    [Fact]
    public async Task Doubtful_IsWhoseHeartbeatIsLate_OnlyWhereItPromisedOne()
    {
        var promised = await PromisingAsync(2);
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await dead.BuryAsync(Cancel);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Empty(dead.Doubtful);

        time.Advance(Second);

        Assert.Equal([promised], dead.Doubtful);
    }
}
