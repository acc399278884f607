using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>A silo that reaches no other joins a fleet whose heartbeats Orleans counts as stale, as after an outage of the store.</summary>
public sealed class PartitionedJoinerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Joiner_ThatReachesNobody_BuriesNoFleetThatBeats_AndOneThatNoLongerDoes()
    {
        var store = new MemoryStore();
        var file = new MembershipFile(store);
        var table = new StoreMembershipTable(store, new ProcessIdentity("elsewhere", 1, 1));
        var entry = Entries.New();
        // No process listens on the first ports: the joiner's connections are refused.
        entry.SiloAddress = SiloAddress.New(IPAddress.Loopback, 1, 1);
        entry.StartTime = entry.IAmAliveTime = TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-1);
        await table.AddAsync(entry);
        Task BeatAsync() =>
            file.ChangeAsync(
                document =>
                    document.With(
                        document.Find(entry.SiloAddress)!,
                        document.Find(entry.SiloAddress)! with
                        {
                            IAmAliveTime = entry.IAmAliveTime,
                            HeartbeatSeconds = 2,
                        }
                    ),
                Cancel
            );

        await using var joiner = await TestSilo.CreateAsync(store, "joiner");
        var started = joiner.StartAsync(Cancel);
        var suspicions = joiner.Services.GetRequiredService<Suspicions>();
        for (var votes = 0; votes < 3; votes++)
        {
            // Each of Orleans' votes against it, one after the other: alone it would have been enough.
            suspicions.Drop(entry.SiloAddress.ToParsableString());
            while (suspicions.Current.Count == 0)
            {
                entry.IAmAliveTime += TimeSpan.FromSeconds(1);
                await BeatAsync();
                await Task.Delay(200, Cancel);
                Assert.Equal(SiloStatus.Active, await table.StatusAsync(entry));
            }
        }

        Assert.False(started.IsCompleted);

        await joiner.Store.WaitForAsync("cluster/membership", text => text.Contains("\"Dead\"", StringComparison.Ordinal), Cancel);
        await started;
        Assert.Equal(SiloStatus.Dead, await table.StatusAsync(entry));
    }
}
