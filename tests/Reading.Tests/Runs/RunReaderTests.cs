using System.Net;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Tests.Runs;

public sealed class RunReaderTests
{
    [Fact]
    public async Task FactsAsync_OfARunThatIsNotThere_ThrowsNotFoundExceptionThatNamesTheNearest()
    {
        var store = await StoreAsync("micro", "other");

        var e = await Assert.ThrowsAsync<NotFoundException>(() => new RunReader(store, TimeProvider.System).FactsAsync("mirco", Stop));

        Assert.Contains("There is no run 'mirco'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'micro'", e.Message, StringComparison.Ordinal);
        Assert.Contains("other", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FactsAsync_InAnEmptyStore_ThrowsNotFoundExceptionThatSaysHowARunIsMade()
    {
        var e = await Assert.ThrowsAsync<NotFoundException>(async () =>
            await new RunReader(await StoreAsync(), TimeProvider.System).FactsAsync("micro", Stop)
        );

        Assert.Contains("'slowrun submit' makes one", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TryFactsAsync_OfWhatIsNoName_ReadsNothing() =>
        Assert.Null(await new RunReader(await StoreAsync("micro"), TimeProvider.System).TryFactsAsync("../micro", Stop));

    [Fact]
    public async Task TryFactsAsync_WhenAnOwnerJoinedSinceTheSilosWereLookedUp_LooksThemUpAgain()
    {
        var store = await StoreAsync("micro");
        var reader = new RunReader(store, TimeProvider.System);
        var before = await reader.SilosAsync(Stop);
        var table = new StoreMembershipTable(store, self: null);
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var version = (await table.ReadAllAsync(Stop)).Version.Next();
        var silo = SiloAddress.New(IPAddress.Loopback, 11111, 1);
        Assert.True(
            await table.InsertRowAsync(
                new MembershipEntry
                {
                    SiloAddress = silo,
                    HostName = "host",
                    SiloName = "joined",
                    Status = SiloStatus.Active,
                    StartTime = now,
                    IAmAliveTime = now,
                    SuspectTimes = [],
                },
                version,
                Stop
            )
        );
        var stage = new StageId(0, 0);
        await new RunDocuments(store, "micro")
            .Root(stage)
            .WriteAsync(
                new StageRoot
                {
                    EpochToken = 1,
                    Owner = new StageOwner(silo.ToParsableString(), "joined", ["cpu:0"], now) { MembershipVersion = version.Version },
                },
                Stop
            );

        var facts = await reader.TryFactsAsync("micro", before, Stop);

        Assert.NotNull(facts!.LivingOwnerOf(stage));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task<IObjectStore> StoreAsync(params string[] runs)
    {
        var store = await StoreAddress.OpenAsync($"memory:{Guid.NewGuid():N}", create: true, TimeProvider.System, Stop);
        foreach (var run in runs)
        {
            Assert.True(
                await new RunDocuments(store, run).TryCreateSpecAsync(
                    SpecReader.FromPreset("micro", new SpecOverrides { Name = run }),
                    Stop
                )
            );
        }

        return store;
    }
}
