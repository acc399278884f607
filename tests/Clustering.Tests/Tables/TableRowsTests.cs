using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Tables;

/// <summary>Who is dead where Orleans' rows stand in a table.</summary>
public sealed class TableRowsTests
{
    private static readonly TimeSpan Second = TableFixture.Second;
    private static readonly TimeSpan Patience = ClusterTuning.Heartbeat + HeartbeatWatch.Allowance;

    private readonly TableFixture silo = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bury_OfOneThatPromisedNothing_GoesByTheTablesHeartbeat()
    {
        var entry = await silo.AddAsync();

        Assert.Empty(await silo.WatchAsync(Patience * 2, () => silo.BeatAsync(entry)));
        Assert.Empty(await silo.WatchAsync(Patience - Second));
        silo.Time.Advance(Second);
        Assert.Equal(entry.SiloAddress.ToParsableString(), Assert.Single(await silo.WatchAsync(TimeSpan.Zero)).Silo);
        Assert.Equal(SiloStatus.Dead, await silo.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_OfOneThatPromised_GoesByTheDocumentsHeartbeat_AndIsSooner()
    {
        var entry = await silo.AddAsync(promises: 2);

        Assert.Empty(await silo.WatchAsync(Patience * 2, () => silo.PromisedBeatAsync(entry)));
        Assert.Empty(await silo.WatchAsync(TimeSpan.FromSeconds(4)));
        silo.Time.Advance(Second);
        Assert.Single(await silo.WatchAsync(TimeSpan.Zero));
        Assert.Equal(SiloStatus.Dead, await silo.StatusAsync(entry));
        // Those that look without a cluster learn of it too.
        await silo.Store.WaitForAsync("cluster/membership", text => text.Contains("\"Dead\"", StringComparison.Ordinal), Cancel);
    }

    [Fact]
    public async Task Bury_OfOneWhoseProcessOnThisMachineIsGone_NeedsNoWatch()
    {
        var entry = await silo.AddAsync(process: ProcessIdentity.Current with { StartTicks = 1 });

        Assert.Contains("is gone", Assert.Single(await silo.WatchAsync(TimeSpan.Zero)).Reason, StringComparison.Ordinal);
        Assert.Equal(SiloStatus.Dead, await silo.StatusAsync(entry));
    }

    [Fact]
    public async Task Bury_AfterTheTableWasAway_WatchesAnew()
    {
        var entry = await silo.AddAsync();
        Assert.Empty(await silo.WatchAsync(Patience - Second));
        silo.Faults.IsAway = true;
        silo.Time.Advance(Second);
        await Assert.ThrowsAsync<IOException>(() => silo.WatchAsync(TimeSpan.Zero));

        silo.Faults.IsAway = false;
        silo.Time.Advance(Second);
        Assert.Empty(await silo.WatchAsync(Patience - Second));
        Assert.Equal(SiloStatus.Active, await silo.StatusAsync(entry));
        silo.Time.Advance(Second);
        Assert.Single(await silo.WatchAsync(TimeSpan.Zero));
    }

    /// <summary>A silo that can read and cannot write would see everybody else stand still, if they cannot write either.</summary>
    [Fact]
    public async Task Bury_WhereTheTableTakesNoWrite_ProvesNothing()
    {
        var entry = await silo.AddAsync();
        silo.Faults.RefusesWrites = true;
        for (var watched = TimeSpan.Zero; watched < Patience * 2; watched += Second)
        {
            await Assert.ThrowsAsync<IOException>(() => silo.WatchAsync(TimeSpan.Zero));
            silo.Time.Advance(Second);
        }

        silo.Faults.RefusesWrites = false;
        Assert.Empty(await silo.WatchAsync(Patience - Second));
        Assert.Equal(SiloStatus.Active, await silo.StatusAsync(entry));
    }

    /// <summary>Its heartbeats go to the store: a silo that cannot write there, and reaches no other silo, cannot commit either.</summary>
    [Fact]
    public async Task Bury_WhereTheStoreIsAway_ProvesNothingOfThoseThatPromised()
    {
        var entry = await silo.AddAsync(promises: 2);
        silo.Store.Before = operation =>
            operation.StartsWith("write ", StringComparison.Ordinal) ? throw new IOException("Away.") : Task.CompletedTask;
        for (var watched = TimeSpan.Zero; watched < Patience * 2; watched += Second)
        {
            await Assert.ThrowsAsync<IOException>(() => silo.WatchAsync(TimeSpan.Zero));
            silo.Time.Advance(Second);
        }

        silo.Store.Before = null;
        Assert.Empty(await silo.WatchAsync(TimeSpan.FromSeconds(4)));
        Assert.Equal(SiloStatus.Active, await silo.StatusAsync(entry));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(2.0)]
    public async Task Bury_OfOneThatIsHeardOfAfterItWasJudged_SparesIt(double? promises)
    {
        var entry = await silo.AddAsync(promises);
        await silo.WatchAsync(Patience - Second, () => promises is null ? Task.CompletedTask : silo.PromisedBeatAsync(entry));
        silo.Time.Advance(promises is null ? Second : TimeSpan.Zero);
        if (promises is not null)
        {
            await silo.WatchAsync(TimeSpan.FromSeconds(4));
            silo.Time.Advance(Second);
        }

        var judged = 0;
        silo.WhileJudged = () =>
        {
            judged++;
            return promises is null ? silo.BeatAsync(entry) : silo.PromisedBeatAsync(entry);
        };
        Assert.Empty(await silo.WatchAsync(TimeSpan.Zero));
        Assert.Equal((1, SiloStatus.Active), (judged, await silo.StatusAsync(entry)));
    }

    [Fact]
    public async Task Bury_OfSeveral_WritesEachOfThem()
    {
        MembershipEntry[] entries = [await silo.AddAsync(), await silo.AddAsync(), await silo.AddAsync(promises: 2)];

        Assert.Equal(3, (await silo.WatchAsync(Patience)).Count);

        foreach (var entry in entries)
        {
            Assert.Equal(SiloStatus.Dead, await silo.StatusAsync(entry));
        }
    }

    [Fact]
    public async Task LastRead_HasWhatTheTableHasNoRoomFor()
    {
        var entry = await silo.AddAsync(promises: 2);
        Assert.Null(silo.Rows.LastRead);

        var read = await silo.Rows.ReadAsync(Cancel);

        var row = Assert.Single(read.Rows);
        Assert.Equal((entry.SiloAddress.ToParsableString(), 2.0, 4711), (row.Silo, row.HeartbeatSeconds, row.Process?.ProcessId));
        Assert.Equal(read.Version, silo.Rows.LastRead!.Version);
    }
}
