using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class DeadSilosTests
{
    private static readonly ProcessIdentity Elsewhere = new("elsewhere", 4711, 99);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = ClusterTuning.Heartbeat + HeartbeatWatch.Allowance;

    private readonly RecordingStore store = new(new MemoryStore());
    private readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now));
    private readonly HashSet<IPEndPoint> answering = [];
    private readonly HashSet<IPEndPoint> refusing = [];
    private readonly StoreMembershipTable table;
    private readonly DeadSilos dead;

    public DeadSilosTests()
    {
        table = new StoreMembershipTable(store);
        dead = new DeadSilos(
            store,
            time,
            (endpoint, _) =>
                Task.FromResult(
                    answering.Contains(endpoint) ? PortAnswer.Accepts
                    : refusing.Contains(endpoint) ? PortAnswer.Refuses
                    : PortAnswer.Silent
                )
        );
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

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
    public async Task Bury_WhenTheWatchWasInterrupted_BeginsAnew()
    {
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        Assert.Empty(await WatchAsync(Patience - Second));
        // This process stood still, and perhaps the store did too.
        time.Advance(HeartbeatWatch.LongestGap + Second);

        Assert.Empty(await WatchAsync(Patience - Second));
        time.Advance(Second);
        Assert.Single(await WatchAsync(TimeSpan.Zero));
    }

    [Theory]
    [InlineData("read")]
    [InlineData("write")]
    public async Task Bury_WhenTheStoreRefusedAnOperationMeanwhile_BeginsAnew(string refused)
    {
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        Assert.Empty(await WatchAsync(Patience - Second));
        store.Before = operation =>
            operation.StartsWith(refused, StringComparison.Ordinal) ? throw new IOException("away") : Task.CompletedTask;
        time.Advance(Second);
        await Assert.ThrowsAsync<IOException>(() => dead.BuryAsync(Cancel));
        store.Before = null;
        time.Advance(Second);

        Assert.Empty(await WatchAsync(Patience - Second));
        time.Advance(Second);
        Assert.Single(await WatchAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task Bury_WhenTheStoreWasAwayFromEverybodyFor20Seconds_SparesALivingFleetThatTheJoinerCannotReach()
    {
        // Their heartbeats, each at its own moment; one that fails is tried again after a second.
        var fleet = new (MembershipEntry Entry, double Next)[3];
        for (var i = 0; i < fleet.Length; i++)
        {
            fleet[i] = (await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New(name: $"silo{i}")), 2.5 * i);
        }

        List<(double At, string Name)> buried = [];
        var isAway = false;
        store.Before = _ => isAway ? throw new IOException("The store is away.") : Task.CompletedTask;
        // From 10 s to 30 s the store is away; the joiner comes at 22 s, and hears nobody. At 60 s the first of the fleet really dies.
        for (var now = 0.0; now < 80; now += 0.5)
        {
            isAway = now is >= 10 and < 30;
            for (var i = 0; i < fleet.Length; i++)
            {
                if (now < fleet[i].Next || (i == 0 && now >= 60))
                {
                    continue;
                }

                fleet[i].Entry.IAmAliveTime = time.GetUtcNow().UtcDateTime;
                if (!isAway)
                {
                    await table.UpdateIAmAliveAsync(fleet[i].Entry, Cancel);
                }

                fleet[i].Next = now + (isAway ? 1 : 7.5);
            }

            if (now >= 22 && now % 1 == 0)
            {
                try
                {
                    buried.AddRange((await dead.BuryAsync(Cancel)).Select(silo => (now, silo.Name)));
                }
                catch (IOException) when (isAway)
                {
                    // It looks again in a second.
                }
            }

            time.Advance(TimeSpan.FromSeconds(0.5));
        }

        var (at, name) = Assert.Single(buried);
        Assert.Equal("silo0", name);
        Assert.InRange(at, 60, 60 + Patience.TotalSeconds);
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
    public async Task Bury_OfSeveral_IsOneLogicalChangeThatOrleansSees()
    {
        var first = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);

        Assert.Equal(2, (await WatchAsync(Patience)).Count);

        var after = await table.ReadAllAsync(Cancel);
        Assert.Equal(before.Version.Version + 1, after.Version.Version);
        Assert.False(await table.UpdateRowAsync(first, before.TryGet(first.SiloAddress)!.Item2, after.Version.Next(), Cancel));
        Assert.False(await table.InsertRowAsync(Entries.New(), before.Version.Next(), Cancel));
        Assert.Empty(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenTheAnswerToItsWriteIsLost_StillTellsWhomItBuried()
    {
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        Assert.Empty(await WatchAsync(Patience - Second));
        time.Advance(Second);
        store.Before = operation =>
        {
            if (operation.StartsWith("replace", StringComparison.Ordinal))
            {
                store.Before = null;
                store.LoseAnswer();
            }

            return Task.CompletedTask;
        };

        Assert.Single(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenNobodyIsDead_WritesNothing()
    {
        await table.AddAsync(Entries.New());
        store.Forget();

        Assert.Empty(await dead.BuryAsync(Cancel));
        Assert.Equal(["read cluster/membership"], store.Operations);
    }

    [Fact]
    public async Task Bury_ByItsOwnProbe_TellsAListenerFromAClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var open = Entries.New();
        open.SiloAddress = SiloAddress.New(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port, 1);
        var closed = Entries.New();
        // Port 1 is reserved and served by nobody.
        closed.SiloAddress = SiloAddress.New(IPAddress.Loopback, 1, 1);
        var elsewhere = new StoreMembershipTable(store, Elsewhere);
        await elsewhere.AddAsync(open);
        await elsewhere.AddAsync(closed);

        Assert.Equal(closed.SiloAddress.ToParsableString(), Assert.Single(await WatchAsync(Patience, new DeadSilos(store, time))).Silo);
    }

    [Theory]
    [InlineData(0.9)]
    [InlineData(2.5)]
    public async Task Bury_OnAStoreThatIsAlwaysSlow_ProvesDeathLater(double seconds)
    {
        var silo = await PromisingAsync(2);
        store.Before = _ =>
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            return Task.CompletedTask;
        };
        var began = time.GetUtcNow();
        BuriedSilo? buried = null;
        while (buried is null && time.GetUtcNow() - began < TimeSpan.FromMinutes(3))
        {
            time.Advance(TimeSpan.FromSeconds(0.5));
            buried = (await dead.BuryAsync(Cancel)).SingleOrDefault();
        }

        Assert.Equal(silo, buried?.Silo);
        // A living one may need a read and a write for a try that was cut off, and again for the next.
        Assert.True(time.GetUtcNow() - began > TimeSpan.FromSeconds(2 + (4 * seconds)));
    }

    [Fact]
    public async Task Bury_OnASlowStore_SparesWhoseHeartbeatsAreAsSlow()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new MembershipFile(store).ChangeAsync(
            document => document.With(document.Rows[0], document.Rows[0] with { HeartbeatSeconds = 2 }),
            Cancel
        );
        for (var i = 0; i < 60; i++)
        {
            store.Before = _ =>
            {
                time.Advance(TimeSpan.FromSeconds(0.9));
                return Task.CompletedTask;
            };
            Assert.Empty(await dead.BuryAsync(Cancel));
            store.Before = null;
            if (i % 2 == 0)
            {
                entry.IAmAliveTime += Second;
                await table.UpdateIAmAliveAsync(entry, Cancel);
            }
        }
    }

    [Fact]
    public async Task Doubtful_OfAProcessOfThisMachineThatIsGone_IsKnownWithoutTheStore()
    {
        using var child = new ChildProcess();
        var entry = await new StoreMembershipTable(store, child.Identity).AddAsync(Entries.New());
        await dead.BuryAsync(Cancel);
        Assert.Empty(dead.Doubtful);
        store.Forget();
        child.Kill();

        Assert.Equal([entry.SiloAddress.ToParsableString()], dead.Doubtful);
        Assert.Empty(store.Operations);
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

    /// <summary>Looks every second, as a joining silo does, and tells who was buried meanwhile.</summary>
    private async Task<IReadOnlyList<BuriedSilo>> WatchAsync(TimeSpan duration, DeadSilos? watcher = null)
    {
        watcher ??= dead;
        List<BuriedSilo> buried = [.. await watcher.BuryAsync(Cancel)];
        for (var watched = Second; watched <= duration; watched += Second)
        {
            time.Advance(Second);
            buried.AddRange(await watcher.BuryAsync(Cancel));
        }

        return buried;
    }

    private async Task<string> PromisingAsync(double seconds)
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new MembershipFile(store).ChangeAsync(
            document => document.With(document.Rows[0], document.Rows[0] with { HeartbeatSeconds = seconds }),
            Cancel
        );
        return entry.SiloAddress.ToParsableString();
    }
}
