using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class DeadSilosTests
{
    private static readonly ProcessIdentity Elsewhere = new("elsewhere", 4711, 99);

    private readonly RecordingStore store = new(new MemoryStore());
    private readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now));
    private readonly HashSet<IPEndPoint> answering = [];
    private readonly StoreMembershipTable table;
    private readonly DeadSilos dead;

    public DeadSilosTests()
    {
        table = new StoreMembershipTable(store);
        dead = new DeadSilos(store, time, (endpoint, _) => Task.FromResult(answering.Contains(endpoint)));
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
    public async Task Bury_OfAnotherMachinesSilo_NeedsAStaleHeartbeatAndNoAnswer()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        time.Advance(DeadSilos.StaleAfter - TimeSpan.FromSeconds(1));
        Assert.Empty(await dead.BuryAsync(Cancel));

        time.Advance(TimeSpan.FromSeconds(1));
        answering.Add(entry.SiloAddress.Endpoint);
        Assert.Empty(await dead.BuryAsync(Cancel));

        answering.Clear();
        Assert.Contains("does not answer", Assert.Single(await dead.BuryAsync(Cancel)).Reason, StringComparison.Ordinal);
        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_WhenItsProcessIsUnknown_GoesByTheHeartbeat()
    {
        await new StoreMembershipTable(store, self: null).AddAsync(Entries.New());

        Assert.Empty(await dead.BuryAsync(Cancel));
        time.Advance(DeadSilos.StaleAfter);
        Assert.Single(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenTheHeartbeatIsFromTheFuture_NoticesThatItStandsStill()
    {
        var entry = Entries.New();
        entry.IAmAliveTime = Entries.Now.AddHours(1);
        await new StoreMembershipTable(store, Elsewhere).AddAsync(entry);

        Assert.Empty(await dead.BuryAsync(Cancel));
        time.Advance(DeadSilos.StaleAfter - TimeSpan.FromSeconds(1));
        Assert.Empty(await dead.BuryAsync(Cancel));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Single(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenTheHeartbeatFromTheFutureMoves_SparesIt()
    {
        var entry = Entries.New();
        entry.IAmAliveTime = Entries.Now.AddHours(1);
        await new StoreMembershipTable(store, Elsewhere).AddAsync(entry);
        for (var i = 0; i < 4; i++)
        {
            Assert.Empty(await dead.BuryAsync(Cancel));
            time.Advance(DeadSilos.StaleAfter / 2);
            entry.IAmAliveTime += DeadSilos.StaleAfter / 2;
            await table.UpdateIAmAliveAsync(entry, Cancel);
        }

        Assert.Empty(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenASignOfLifeComesWhileItIsJudged_SparesTheSilo()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        time.Advance(TimeSpan.FromMinutes(1));
        var late = new DeadSilos(store, time, async (_, cancel) =>
        {
            entry.IAmAliveTime = time.GetUtcNow().UtcDateTime;
            await table.UpdateIAmAliveAsync(entry, cancel);
            return false;
        });

        Assert.Empty(await late.BuryAsync(Cancel));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_OfSeveral_IsOneLogicalChangeThatOrleansSees()
    {
        var first = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);
        time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(2, (await dead.BuryAsync(Cancel)).Count);

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
        time.Advance(TimeSpan.FromMinutes(1));
        store.LoseAnswer();

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
        time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(closed.SiloAddress.ToParsableString(), Assert.Single(await new DeadSilos(store, time).BuryAsync(Cancel)).Silo);
    }
}
