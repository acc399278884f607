using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Storage;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Persistence;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Clustering.Views;
using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>Real silos and clients on loopback, over one store.</summary>
public abstract class ClusterTests : IAsyncLifetime
{
    private const string Table = "cluster/membership";

    private RecordingStore store = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => store = new RecordingStore(await OpenAsync());

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected abstract Task<IObjectStore> OpenAsync();

    /// <summary>Whose grain storage keeps the roots.</summary>
    protected virtual Type GrainStorage => typeof(StoreGrainStorage);

    [Fact]
    public async Task Cluster_OfFiveSilosStartedAtOnce_ServesAClientThatKnowsOnlyTheStore()
    {
        var names = new[] { "a", "b", "c", "d", "e" };
        var silos = await Task.WhenAll(names.Select(name => TestSilo.StartAsync(store, name, Cancel)));
        await using var client = await TestClient.ConnectAsync(store, Cancel);

        var counter = client.Grains.GetGrain<ICounterGrain>("my-run/chain0/stage1");
        Assert.Equal(3, await counter.Add(3));
        Assert.Equal(5, await silos[4].Grains.GetGrain<ICounterGrain>("my-run/chain0/stage1").Add(2));

        var root = await store.TryReadAsync(RunPaths.Root("my-run", new StageId(0, 1)), Cancel);
        Assert.StartsWith("{\"value\":5,\"seal\":\"", System.Text.Encoding.UTF8.GetString(root!.Content.Span));
        var seen = await new ClusterView(store, TimeProvider.System).ReadAsync(Cancel);
        Assert.Equal(names, seen.Where(silo => silo.Active).Select(silo => silo.Name).Order(StringComparer.Ordinal));
        await Task.WhenAll(silos.Select(silo => silo.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task Cluster_WhenClocksAreWrongByAnHour_BuriesNobody()
    {
        await using var a = await TestSilo.CreateAsync(store, "a", skew: TimeSpan.Zero);
        await using var ahead = await TestSilo.CreateAsync(store, "ahead", skew: TimeSpan.FromHours(1));
        await using var behind = await TestSilo.CreateAsync(store, "behind", skew: TimeSpan.FromHours(-1));
        TestSilo[] silos = [a, ahead, behind];
        foreach (var silo in silos)
        {
            await silo.StartAsync(Cancel);
        }

        // Each judges the others by several heartbeats.
        var first = await SignsAsync();
        Assert.Equal(3, first.Count);
        for (var beats = 0; beats < 4; beats++)
        {
            var before = await SignsAsync();
            await Until.HoldsAsync(async () =>
            {
                Assert.DoesNotContain(silos, silo => silo.Ended.IsCompleted);
                return (await SignsAsync()).All(sign => before[sign.Key] != sign.Value);
            });
        }

        await using var late = await TestSilo.CreateAsync(store, "late", skew: TimeSpan.FromHours(1));
        await late.StartAsync(Cancel);
        foreach (var silo in silos.Append(late))
        {
            var membership = silo.Services.GetRequiredService<IClusterMembershipService>();
            await Until.HoldsAsync(() =>
                membership.CurrentSnapshot.Members.Values.Count(member => member.Status == SiloStatus.Active) >= 4
            );

            Assert.Equal("Active", await StatusAsync(silo));
            await silo.Grains.GetGrain<ICounterGrain>($"r/chain0/stage{Array.IndexOf(silos, silo) + 1}").Add(1);
        }

        // A client takes all of them for alive, whose clock says something else.
        foreach (var hours in new[] { -1, 0, 1 })
        {
            // One whose sign is an hour off is asked at its port, for a second: a process that gets no processor meanwhile asks again.
            while ((await new ClusterView(store, new ShiftedTime { Shift = TimeSpan.FromHours(hours) }).ReadAsync(Cancel)).Count < 4)
            {
                Assert.DoesNotContain(silos, silo => silo.Ended.IsCompleted);
            }
        }

        foreach (var silo in silos.Append(late))
        {
            Assert.Equal("Active", await StatusAsync(silo));
        }
    }

    [Fact]
    public async Task Cluster_WhenASiloStops_ItsGrainsLiveOnElsewhereWithTheirState()
    {
        await using var a = await TestSilo.StartAsync(store, "a", Cancel);
        await using var client = await TestClient.ConnectAsync(store, Cancel);
        var counter = client.Grains.GetGrain<ICounterGrain>("r/chain0/stage0");
        Assert.Equal(1, await counter.Add(1));
        Assert.Equal("a", await counter.Where());
        await using var b = await TestSilo.StartAsync(store, "b", Cancel);

        await a.StopAsync(Cancel);

        Assert.Equal("Dead", await StatusAsync(a));
        Assert.Equal(2, await b.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
        Assert.Equal("b", await b.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Where());
    }

    [Fact]
    public async Task Cluster_WhenASiloIsKilled_IsRidOfItAndGoesOn()
    {
        await using var a = await TestSilo.CreateAsync(store, "a", gossips: false);
        await a.StartAsync(Cancel);
        var counter = a.Grains.GetGrain<ICounterGrain>("r/chain0/stage0");
        Assert.Equal(1, await counter.Add(1));
        await using var b = await TestSilo.StartAsync(store, "b", Cancel);

        await a.CrashAsync();
        Assert.Equal("Active", await StatusAsync(a));

        await b.Store.WaitForAsync(Table, text => StatusOf(text, a.Address) == "Dead", Cancel);
        Assert.Equal("b", await AskUntilAnsweredAsync(b.Grains.GetGrain<ICounterGrain>("r/chain0/stage0")));
        Assert.Equal(2, await b.Grains.GetGrain<ICounterGrain>("r/chain0/stage0").Add(1));
    }

    [Fact]
    public async Task Start_AfterAllWereKilledOnThisMachine_BuriesThemBeforeItSpeaksForItself()
    {
        var killed = new StoreMembershipTable(store, ProcessIdentity.Current with { StartTicks = 1 });
        for (var port = 1; port <= 3; port++)
        {
            await killed.AddAsync(Killed(port));
        }

        await using var silo = await TestSilo.StartAsync(store, "new", Cancel);

        var first = JsonNode.Parse(silo.Store.Written.First(text => text.Contains("\"rows\"", StringComparison.Ordinal)))![
            "rows"
        ]!.AsArray();
        Assert.Equal(["Dead", "Dead", "Dead"], first.Select(row => (string?)row!["status"]));
        Assert.Equal("Active", await StatusAsync(silo));
    }

    [Fact]
    public async Task Start_AfterAllOtherMachinesVanished_BuriesThemAsSoonAsTheirHeartbeatStoodStillLongEnough()
    {
        var vanished = await new StoreMembershipTable(store, new ProcessIdentity("elsewhere", 1, 1)).AddAsync(Killed(1));
        // It had work under way.
        await new MembershipFile(store).ChangeAsync(
            document => document.With(document.Rows[0], document.Rows[0] with { HeartbeatSeconds = 2 }),
            Cancel
        );
        await using var silo = await TestSilo.CreateAsync(store, "new");
        var started = silo.StartAsync(Cancel);
        await silo.Store.WaitForAsync(Table, text => StatusOf(text, silo.Address) == "Joining", Cancel);
        Assert.Equal("Active", StatusOf(silo.Store.Written[^1], vanished.SiloAddress.ToParsableString()));

        await silo.Store.WaitForAsync(Table, text => StatusOf(text, vanished.SiloAddress.ToParsableString()) == "Dead", Cancel);
        await started;
        Assert.Equal("Active", await StatusAsync(silo));
    }

    [Fact]
    public async Task Silo_WhenTheTableSaysItIsDead_EndsAtOnceAndSaysWhy()
    {
        await using var a = await TestSilo.StartAsync(store, "a", Cancel);
        var table = new StoreMembershipTable(store);
        var done = false;
        while (!done)
        {
            var data = await table.ReadAllAsync(Cancel);
            var (entry, etag) = data.TryGet(SiloAddress.FromParsableString(a.Address))!;
            entry.Status = SiloStatus.Dead;
            done = await table.UpdateRowAsync(entry, etag, data.Version.Next(), Cancel);
        }

        Assert.Contains("I have been told I am dead", await a.Ended.WaitAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseStoreClustering_OnASilo_SetsWhatFleetsThatVanishNeed()
    {
        await using var silo = await TestSilo.CreateAsync(store, "a");

        var membership = silo.Services.GetRequiredService<IOptions<ClusterMembershipOptions>>().Value;
        var staleAfter = membership.IAmAliveTablePublishTimeout * membership.NumMissedTableIAmAliveLimit;
        Assert.Equal(DeadSilos.StaleAfter, staleAfter);
        Assert.True(ClusterView.StaleAfter > staleAfter);
        Assert.Equal(TimeSpan.FromHours(1), membership.DefunctSiloExpiration);
        var names = silo.Services.GetRequiredService<IOptions<ClusterOptions>>().Value;
        Assert.Equal(("slowrun", await StoreCluster.ReadAsync(store, Cancel)), (names.ServiceId, new StoreCluster(names.ClusterId)));
        Assert.IsType(GrainStorage, silo.Services.GetRequiredKeyedService<IGrainStorage>("stages"));
        // Of the 300 store operations a minute that five silos at rest may cost (issue: durability), half is for the slot loops.
        var operations =
            5
            * (
                (TimeSpan.FromMinutes(1) / membership.TableRefreshTimeout)
                + (2 * TimeSpan.FromMinutes(1) / membership.IAmAliveTablePublishTimeout)
            );
        Assert.True(operations <= 150, $"{operations} operations a minute");
    }

    /// <summary>The table knows of a death before every directory does: calls in between are refused, and repeated.</summary>
    private static async Task<string> AskUntilAnsweredAsync(ICounterGrain grain)
    {
        while (true)
        {
            try
            {
                return await grain.Where();
            }
            catch (Exception e) when (e is OrleansException or TimeoutException)
            {
                await Task.Yield();
                Cancel.ThrowIfCancellationRequested();
            }
        }
    }

    private static MembershipEntry Killed(int port)
    {
        var entry = Entries.New();
        // No process listens on the first ports; the times count as fresh for Orleans.
        entry.SiloAddress = SiloAddress.New(System.Net.IPAddress.Loopback, port, 1);
        entry.StartTime = entry.IAmAliveTime = TimeProvider.System.GetUtcNow().UtcDateTime;
        return entry;
    }

    private static string? StatusOf(string table, string silo) =>
        (string?)JsonNode.Parse(table)!["rows"]!.AsArray().SingleOrDefault(row => (string?)row!["silo"] == silo)?["status"];

    private async Task<string?> StatusAsync(TestSilo silo) =>
        StatusOf(System.Text.Encoding.UTF8.GetString((await store.TryReadAsync(Table, Cancel))!.Content.Span), silo.Address);

    /// <summary>The last heartbeat of every silo.</summary>
    private async Task<Dictionary<string, string>> SignsAsync() =>
        JsonNode.Parse((await store.TryReadAsync(Table, Cancel))!.Content.Span)!["rows"]!
            .AsArray()
            .ToDictionary(row => (string)row!["silo"]!, row => (string)row!["iAmAliveTime"]!);
}
