using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Clustering.Views;
using Slowrun.Core.Explain;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Views;

public sealed class ClusterViewTests
{
    private readonly MemoryStore store = new();
    private readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private bool answers;
    private int asked;

    private ClusterView View() =>
        new(
            store,
            time,
            (_, _) =>
            {
                asked++;
                return Task.FromResult(answers);
            }
        );

    private Task<IReadOnlyList<LiveSilo>> ReadAsync() => View().ReadAsync(Cancel);

    [Fact]
    public async Task Read_OfAStoreThatNobodyEverServed_IsEmpty() => Assert.Empty(await ReadAsync());

    [Fact]
    public async Task Read_OfASiloOfThisMachine_GoesByItsProcess()
    {
        using var child = new ChildProcess();
        var entry = await new StoreMembershipTable(store, child.Identity, ["cuda:0", "cuda:1"]).AddAsync(Entries.New(name: "mine"));
        time.Advance(TimeSpan.FromHours(1));

        var silo = Assert.Single(await ReadAsync());
        Assert.Equal(
            new LiveSilo(entry.SiloAddress.ToParsableString(), "mine", Active: true, child.Identity.ProcessId, Entries.Now),
            silo with
            {
                Slots = [],
            }
        );
        Assert.Equal(["cuda:0", "cuda:1"], silo.Slots);
        child.Kill();
        Assert.Empty(await ReadAsync());
    }

    [Fact]
    public async Task Read_OfASiloThatTellsItsMemory_HasItForEachSlotAlsoAfterAChange()
    {
        using var child = new ChildProcess();
        var table = new StoreMembershipTable(store, child.Identity, ["cuda:0", "cuda:1"], [80, 40]);
        var entry = await table.AddAsync(Entries.New());
        var (row, etag) = (await table.ReadRowAsync(entry.SiloAddress, TestContext.Current.CancellationToken)).Members[0];
        row.Status = SiloStatus.Active;
        var version = (await table.ReadAllAsync(TestContext.Current.CancellationToken)).Version;

        Assert.True(await table.UpdateRowAsync(row, etag, version.Next(), TestContext.Current.CancellationToken));
        Assert.Equal([new SlotMemory("cuda:0", 80), new SlotMemory("cuda:1", 40)], Assert.Single(await ReadAsync()).Memory);
    }

    [Fact]
    public async Task Read_OfAHaltedProcessOfThisMachine_WaitsUntilItsHeartbeatIsOld()
    {
        using var child = new ChildProcess();
        await new StoreMembershipTable(store, child.Identity).AddAsync(Entries.New());
        child.Halt();

        Assert.Single(await ReadAsync());
        time.Advance(ClusterView.StaleAfter);
        Assert.Empty(await ReadAsync());
    }

    [Fact]
    public async Task Read_OfAnotherMachinesSilo_GoesByItsHeartbeat()
    {
        await new StoreMembershipTable(store, new ProcessIdentity("elsewhere", Environment.ProcessId, 1)).AddAsync(Entries.New());

        time.Advance(ClusterView.StaleAfter - TimeSpan.FromSeconds(1));
        Assert.Null(Assert.Single(await ReadAsync()).ProcessId);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await ReadAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task Read_OfAnotherMachinesSiloWhoseClockIsWrongByAnHour_AsksItInsteadOfTheClock(int hours)
    {
        await new StoreMembershipTable(store, new ProcessIdentity("elsewhere", Environment.ProcessId, 1)).AddAsync(Entries.New());
        time.AdjustTime(new DateTimeOffset(Entries.Now).AddHours(hours));
        var view = View();

        answers = true;
        Assert.Single(await view.ReadAsync(Cancel));
        answers = false;
        Assert.Single(await view.ReadAsync(Cancel));
        Assert.Equal(1, asked);
        time.Advance(ClusterView.StaleAfter);
        Assert.Empty(await view.ReadAsync(Cancel));
    }

    [Theory]
    [InlineData(SiloStatus.Joining, true)]
    [InlineData(SiloStatus.ShuttingDown, true)]
    [InlineData(SiloStatus.Dead, false)]
    public async Task Read_OfASiloThatIsNotActive_SaysSo(SiloStatus status, bool shown)
    {
        await new StoreMembershipTable(store).AddAsync(Entries.New(status));

        var silos = await ReadAsync();

        Assert.Equal(shown, silos.Count == 1);
        Assert.DoesNotContain(silos, silo => silo.Active);
    }
}
