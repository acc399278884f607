using System.Globalization;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>Counts what a cluster at rest asks of its store. Run by hand: <c>-explicit only -method *IdleCost*</c>, a minute and a half.</summary>
public sealed class IdleCost
{
    [Fact(Explicit = true)]
    public async Task Cluster_OfFiveSilosAndAClientAtRest_CostsSoManyStoreOperationsAMinute()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var store = new RecordingStore(await StoreAddress.OpenAsync(folder.Path, create: true, cancellationToken: cancel));
        var silos = new List<TestSilo>();
        for (var i = 0; i < 5; i++)
        {
            silos.Add(await TestSilo.StartAsync(store, $"silo{i}", cancel));
        }

        await using var client = await TestClient.ConnectAsync(store, cancel);
        await Task.Delay(TimeSpan.FromSeconds(15), cancel);
        store.Forget();
        await Task.Delay(TimeSpan.FromSeconds(60), cancel);
        var counts = store.Operations.GroupBy(operation => operation).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} x {group.Key}"));
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(", ", counts));
        Assert.InRange(store.Operations.Count, 0, 180);
        foreach (var silo in silos)
        {
            await silo.DisposeAsync();
        }
    }
}
