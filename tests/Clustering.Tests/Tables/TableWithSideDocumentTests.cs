using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Membership;

namespace Slowrun.Clustering.Tests.Tables;

public sealed class TableWithSideDocumentTests
{
    private readonly TableFixture silo = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>As after an outage of the table, when Orleans takes no heartbeat for fresh and one vote for enough.</summary>
    [Theory]
    [InlineData(SiloStatus.Joining)]
    [InlineData(SiloStatus.Active)]
    public async Task Death_ByOneVoteInAFleet_IsRefused_AndByTwoIsWritten(SiloStatus status)
    {
        var victim = await silo.AddAsync();
        await silo.AddAsync();
        await silo.AddAsync();
        await silo.JoinAsync(status);

        Assert.False(await DeclareDeadAsync(victim, silo.Own));
        Assert.Equal(SiloStatus.Active, await silo.StatusAsync(victim));
        Assert.Contains(victim.SiloAddress.ToParsableString(), silo.Suspicions.Current);

        Assert.True(await DeclareDeadAsync(victim, silo.Own, Entries.Silo()));
        Assert.Equal(SiloStatus.Dead, await silo.StatusAsync(victim));
        await silo.Store.WaitForAsync("cluster/membership", text => text.Contains("\"Dead\"", StringComparison.Ordinal), Cancel);
    }

    [Theory]
    [InlineData(SiloStatus.Joining, false)]
    [InlineData(SiloStatus.Active, true)]
    public async Task Vote_IsRecordedOfAMemberAlone(SiloStatus status, bool isRecorded)
    {
        var victim = await silo.AddAsync();
        await silo.AddAsync();
        await silo.AddAsync();
        await silo.JoinAsync(status);

        Assert.Equal(isRecorded, await WriteAsync(victim, SiloStatus.Active, silo.Own));
        var row = (await silo.Table.ReadAllAsync(Cancel)).TryGet(victim.SiloAddress)!.Item1;
        Assert.Equal(isRecorded ? [silo.Own] : [], row.SuspectTimes!.Select(vote => vote.Item1));
        Assert.Contains(victim.SiloAddress.ToParsableString(), silo.Suspicions.Current);
    }

    /// <summary>The document's store is away: witnesses need no document.</summary>
    [Fact]
    public async Task Death_ByTwoWitnesses_IsWrittenWithoutTheDocument()
    {
        var victim = await silo.AddAsync();
        await silo.AddAsync();
        await silo.JoinAsync(SiloStatus.Active);
        silo.Store.Before = _ => throw new IOException("Away.");

        // Noted once the store is back; the note is waited for no longer than two seconds.
        var declared = DeclareDeadAsync(victim, silo.Own, Entries.Silo());
        while (!declared.IsCompleted)
        {
            silo.Time.Advance(TableFixture.Second);
            await Task.Yield();
        }

        Assert.True(await declared);
        Assert.Equal(SiloStatus.Dead, await silo.StatusAsync(victim));
    }

    [Fact]
    public async Task Heartbeat_WhileTheTableIsAwayOrDoesNotAnswer_IsTriedAgainUntilItIsWritten()
    {
        var self = await silo.JoinAsync(SiloStatus.Active);
        var before = self.IAmAliveTime;
        self.IAmAliveTime += TableFixture.Second;
        silo.Faults.IsAway = true;
        silo.Faults.Hanging = 1;
        var beat = silo.Table.UpdateIAmAliveAsync(self, Cancel);
        await AdvanceUntilAsync(() => silo.Faults.Beats > 3 || beat.IsCompleted);
        Assert.False(beat.IsCompleted);

        silo.Faults.IsAway = false;
        await AdvanceUntilAsync(() => beat.IsCompleted);

        await beat;
        var written = (await silo.Table.ReadAllAsync(Cancel)).TryGet(silo.Own)!.Item1.IAmAliveTime;
        Assert.True(written > before + TimeSpan.FromSeconds(3), $"{written}, first asked for {self.IAmAliveTime}");
    }

    [Theory]
    [InlineData(ClusterTuning.SmallFleet, true)]
    [InlineData(ClusterTuning.SmallFleet + 1, false)]
    public async Task ReadAll_InASmallFleet_AlsoLearnsWhatTheOthersPromise(int fleet, bool reads)
    {
        for (var i = 0; i < fleet; i++)
        {
            await silo.AddAsync(promises: 2);
        }

        silo.Store.Forget();
        var read = new TaskCompletionSource();
        silo.Store.Before = operation =>
        {
            read.TrySetResult();
            return Task.CompletedTask;
        };
        await silo.Table.ReadAllAsync(Cancel);

        if (reads)
        {
            await read.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel);
        }

        Assert.Equal(reads ? ["read cluster/membership"] : [], silo.Store.Operations);
    }

    private async Task AdvanceUntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            silo.Time.Advance(TableFixture.Second);
            await Task.Yield();
        }
    }

    private Task<bool> DeclareDeadAsync(MembershipEntry victim, params SiloAddress[] voters) => WriteAsync(victim, SiloStatus.Dead, voters);

    private async Task<bool> WriteAsync(MembershipEntry victim, SiloStatus status, params SiloAddress[] voters)
    {
        var data = await silo.Table.ReadAllAsync(Cancel);
        var (entry, etag) = data.TryGet(victim.SiloAddress)!;
        entry.SuspectTimes = [.. voters.Select(voter => Tuple.Create(voter, silo.Time.GetUtcNow().UtcDateTime))];
        entry.Status = status;
        return await silo.Table.UpdateRowAsync(entry, etag, data.Version.Next(), Cancel);
    }
}
