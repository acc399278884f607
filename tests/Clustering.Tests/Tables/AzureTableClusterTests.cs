using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Hosting;
using Slowrun.Clustering.Views;
using Slowrun.Storage;
using Slowrun.Storage.Tests.Stores;
using Slowrun.Tests.Storage;

namespace Slowrun.Clustering.Tests.Tables;

/// <summary>Real silos whose membership is Microsoft's table, on Azurite.</summary>
public sealed class AzureTableClusterTests
{
    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cluster_InATable_ServesClientsThatKnowOnlyTheStore_AndGoesOnWithoutAKilledSilo()
    {
        await FoundAsync(store);
        await using var a = await TestSilo.CreateAsync(store, "a", gossips: false);
        await a.StartAsync(Cancel);
        Assert.Equal(1, await a.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
        await using var b = await TestSilo.StartAsync(store, "b", Cancel);
        await using (var client = await TestClient.ConnectAsync(store, Cancel))
        {
            Assert.Equal(2, await client.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
        }

        // Who looks without a cluster sees them in the store's document, to which no heartbeat was written.
        var seen = await new ClusterView(store, TimeProvider.System).ReadAsync(Cancel);
        Assert.Equal(["a", "b"], seen.Where(silo => silo.Active).Select(silo => silo.Name).Order(StringComparer.Ordinal));

        await a.CrashAsync();
        await Until.HoldsAsync(async () =>
        {
            Assert.False(b.Ended.IsCompleted);
            return (await RowAsync(a)).Status == SiloStatus.Dead;
        });

        await using var after = await TestClient.ConnectAsync(store, Cancel);
        Assert.Equal(1, await after.Grains.GetGrain<ICounterGrain>("r/chain0/stage7").Add(1));
        await AssertForgetsTheDeadAfterAnHourAsync(a, b);
        await b.StopAsync(Cancel);
        Assert.Equal(SiloStatus.Dead, (await RowAsync(b)).Status);
    }

    /// <summary>From a machine that reaches no silo's port, as a laptop beside a fleet in a network of its own.</summary>
    [Fact]
    public async Task View_OfSilosWhoseNotesAreOld_GoesByTheTablesHeartbeats()
    {
        await FoundAsync(store);
        await using var a = await TestSilo.StartAsync(store, "a", Cancel);
        var file = new MembershipFile(store);
        var yesterday = TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(-1);
        await file.ChangeAsync(
            document =>
                document.With(document.Rows[0], document.Rows[0] with { Process = null, StartTime = yesterday, IAmAliveTime = yesterday }),
            Cancel
        );
        var view = new ClusterView(store, TimeProvider.System, (_, _) => Task.FromResult(false));

        var seen = Assert.Single(await view.ReadAsync(Cancel));

        Assert.True(seen.LastSign > yesterday.AddHours(23), $"{seen.LastSign}");
        Assert.Equal(a.Services.GetRequiredService<IClusterMembershipService>().CurrentSnapshot.Version.Value, view.Version);
        await a.StopAsync(Cancel);
        Assert.Empty(await view.ReadAsync(Cancel));
    }

    [Fact]
    public async Task Cluster_OfAnotherStore_IsAnotherOneInTheSameTable()
    {
        var other = new MemoryStore();
        await FoundAsync(store);
        await FoundAsync(other);
        await using var a = await TestSilo.StartAsync(store, "a", Cancel);

        await using var b = await TestSilo.StartAsync(other, "b", Cancel);

        Assert.Equal("a", await a.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Where());
        Assert.Equal("b", await b.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Where());
    }

    /// <summary>What took effect and was not answered is asked again, by us alone: the SDK's own retries are off.</summary>
    [Fact]
    public async Task Cluster_WhoseTablesAnswersAreLost_IsJoinedAndLeftAllTheSame()
    {
        var tables = await Azurite.TablesAsync();
        await using var proxy = new FaultyProxy(tables.Port);
        await FoundAsync(store, $"http://127.0.0.1:{proxy.Port}{tables.AbsolutePath}");
        await using var a = await TestSilo.CreateAsync(store, "a");
        proxy.Next(ProxyFault.AnswerLost, ProxyFault.AnswerLost, ProxyFault.Busy, ProxyFault.AnswerCut, ProxyFault.AnswerLost);

        await a.StartAsync(Cancel);

        Assert.Equal(5, proxy.Struck);
        Assert.Equal(SiloStatus.Active, (await RowAsync(a)).Status);
        proxy.Next(ProxyFault.AnswerLost, ProxyFault.AnswerLost);
        await a.StopAsync(Cancel);
        Assert.Equal((7, SiloStatus.Dead), (proxy.Struck, (await RowAsync(a)).Status));
    }

    /// <summary>In the table, and in the document beside it.</summary>
    private async Task AssertForgetsTheDeadAfterAnHourAsync(TestSilo dead, TestSilo living)
    {
        var expiration = living.Services.GetRequiredService<IOptions<ClusterMembershipOptions>>().Value.DefunctSiloExpiration;
        Assert.Equal(TimeSpan.FromHours(1), expiration);
        var table = living.Services.GetRequiredService<IMembershipTable>();
        var now = TimeProvider.System.GetUtcNow();
        async Task<string[]> LeftAsync() =>
            [.. (await table.ReadAllAsync(Cancel)).Members.Select(member => member.Item1.SiloAddress.ToParsableString())];
        await table.CleanupDefunctSiloEntriesAsync(now - expiration, Cancel);
        Assert.Contains(dead.Address, await LeftAsync());
        await table.CleanupDefunctSiloEntriesAsync(now + TimeSpan.FromMinutes(1), Cancel);
        Assert.Equal([living.Address], await LeftAsync());
        Assert.Equal([living.Address], (await new MembershipFile(store).ReadAsync(Cancel)).Rows.Select(row => row.Silo));
    }

    private static async Task FoundAsync(IObjectStore store, string? tables = null) =>
        Assert.True(
            (
                await StoreCluster.FoundAsync(
                    store,
                    ClusterPlace.Parse($"azure-table={tables ?? (await Azurite.TablesAsync()).ToString()}"),
                    Cancel
                )
            )
                .Place
                .Table
        );

    private async Task<MembershipRow> RowAsync(TestSilo silo) =>
        Assert.Single((await new MembershipFile(store).ReadAsync(Cancel)).Rows, row => row.Silo == silo.Address);
}
