using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Hosting;
using Slowrun.Storage;
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
        while ((await RowAsync(a)).Status != SiloStatus.Dead)
        {
            Assert.False(b.Ended.IsCompleted);
            await Task.Delay(100, Cancel);
        }

        await using var after = await TestClient.ConnectAsync(store, Cancel);
        Assert.Equal(1, await after.Grains.GetGrain<ICounterGrain>("r/chain0/stage7").Add(1));
        await b.StopAsync(Cancel);
        Assert.Equal(SiloStatus.Dead, (await RowAsync(b)).Status);
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

    private static async Task FoundAsync(IObjectStore store) =>
        Assert.True(
            (await StoreCluster.FoundAsync(store, ClusterPlace.Parse($"azure-table={await Azurite.TablesAsync()}"), Cancel)).Place.Table
        );

    private async Task<MembershipRow> RowAsync(TestSilo silo) =>
        Assert.Single((await new MembershipFile(store).ReadAsync(Cancel)).Rows, row => row.Silo == silo.Address);
}
