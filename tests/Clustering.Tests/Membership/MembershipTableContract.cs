using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>What Orleans requires of a membership table, on any store.</summary>
public abstract class MembershipTableContract : IAsyncLifetime
{
    private RecordingStore store = null!;
    private StoreMembershipTable table = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        store = new RecordingStore(await OpenAsync());
        table = new StoreMembershipTable(store);
        await table.InitializeMembershipTableAsync(true, Cancel);
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected abstract Task<IObjectStore> OpenAsync();

    [Fact]
    public async Task ReadAll_OfANewStore_IsEmptyAtVersionZero()
    {
        var data = await table.ReadAllAsync(Cancel);

        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
        Assert.False(string.IsNullOrEmpty(data.Version.VersionEtag));
    }

    [Fact]
    public async Task Insert_WithTheNextVersion_AddsTheRowAndGivesNewEtags()
    {
        var next = (await table.ReadAllAsync(Cancel)).Version.Next();
        var entry = Entries.New();

        Assert.True(await table.InsertRowAsync(entry, next, Cancel));

        var data = await table.ReadRowAsync(entry.SiloAddress, Cancel);
        Assert.Equal(1, data.Version.Version);
        Assert.NotEqual(next.VersionEtag, data.Version.VersionEtag);
        var (found, etag) = Assert.Single(data.Members);
        Assert.Equal(entry.ToFullString(), found.ToFullString());
        Assert.False(string.IsNullOrEmpty(etag));
    }

    [Fact]
    public async Task Insert_OfARowThatExists_IsRefused()
    {
        var entry = await table.AddAsync(Entries.New());

        Assert.False(await table.InsertRowAsync(entry, (await table.ReadAllAsync(Cancel)).Version.Next(), Cancel));
        Assert.Single((await table.ReadAllAsync(Cancel)).Members);
    }

    [Fact]
    public async Task Insert_WithAnOldVersion_IsRefusedAndChangesNothing()
    {
        var old = (await table.ReadAllAsync(Cancel)).Version.Next();
        await table.AddAsync(Entries.New());

        Assert.False(await table.InsertRowAsync(Entries.New(), old, Cancel));

        var data = await table.ReadAllAsync(Cancel);
        Assert.Single(data.Members);
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task Update_WithBothEtags_ReplacesTheRow()
    {
        var entry = await table.AddAsync(Entries.New(SiloStatus.Joining));
        var before = await table.ReadAllAsync(Cancel);
        entry.Status = SiloStatus.Dead;
        entry.RoleName = "role";
        entry.UpdateZone = 3;
        entry.FaultZone = 4;
        entry.AddSuspector(Entries.Silo(), Entries.Now.AddSeconds(1));
        entry.AddSuspector(Entries.Silo(), Entries.Now.AddSeconds(2));

        Assert.True(await table.UpdateRowAsync(entry, before.Members[0].Item2, before.Version.Next(), Cancel));

        var after = await table.ReadAllAsync(Cancel);
        Assert.Equal(entry.ToFullString(), after.Members[0].Item1.ToFullString());
        Assert.Equal(entry.SuspectTimes, after.Members[0].Item1.SuspectTimes);
        Assert.Equal(2, after.Version.Version);
        Assert.NotEqual(before.Version.VersionEtag, after.Version.VersionEtag);
        Assert.NotEqual(before.Members[0].Item2, after.Members[0].Item2);
    }

    [Fact]
    public async Task Update_WithAnOldRowEtag_IsRefused()
    {
        var entry = await table.AddAsync(Entries.New());
        var first = await table.ReadAllAsync(Cancel);
        Assert.True(await table.UpdateRowAsync(entry, first.Members[0].Item2, first.Version.Next(), Cancel));
        var second = await table.ReadAllAsync(Cancel);

        Assert.False(await table.UpdateRowAsync(entry, first.Members[0].Item2, second.Version.Next(), Cancel));
        Assert.Equal(second.Version, (await table.ReadAllAsync(Cancel)).Version);
    }

    [Fact]
    public async Task Update_WithAnOldVersion_IsRefused()
    {
        var entry = await table.AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);
        await table.AddAsync(Entries.New());

        Assert.False(await table.UpdateRowAsync(entry, before.TryGet(entry.SiloAddress)!.Item2, before.Version.Next(), Cancel));
    }

    [Fact]
    public async Task Update_OfARowThatDoesNotExist_IsRefused()
    {
        await table.AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);

        Assert.False(await table.UpdateRowAsync(Entries.New(), before.Members[0].Item2, before.Version.Next(), Cancel));
        Assert.Equal(before.Version, (await table.ReadAllAsync(Cancel)).Version);
    }

    [Fact]
    public async Task UpdateIAmAlive_WhateverElseHappens_ChangesTheTimeAndNoEtag()
    {
        var entry = await table.AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);

        // Orleans fills in these two alone.
        await table.UpdateIAmAliveAsync(
            new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = Entries.Now.AddSeconds(5) },
            Cancel
        );

        var after = await table.ReadAllAsync(Cancel);
        Assert.Equal(Entries.Now.AddSeconds(5), after.Members[0].Item1.IAmAliveTime);
        Assert.Equal(DateTimeKind.Utc, after.Members[0].Item1.IAmAliveTime.Kind);
        Assert.Equal(before.Version, after.Version);
        Assert.Equal(before.Members[0].Item2, after.Members[0].Item2);
        entry.IAmAliveTime = Entries.Now.AddSeconds(5);
        Assert.Equal(entry.ToFullString(), after.Members[0].Item1.ToFullString());
    }

    [Fact]
    public async Task UpdateIAmAlive_OfASiloWithoutARow_AddsNone()
    {
        await table.UpdateIAmAliveAsync(Entries.New(), Cancel);

        Assert.Empty((await table.ReadAllAsync(Cancel)).Members);
    }

    [Fact]
    public async Task Update_WhenAHeartbeatCameBetween_Succeeds()
    {
        var entry = await table.AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);
        var other = new StoreMembershipTable(store);
        await other.UpdateIAmAliveAsync(entry, Cancel);

        Assert.True(await table.UpdateRowAsync(entry, before.Members[0].Item2, before.Version.Next(), Cancel));
    }

    [Fact]
    public async Task Update_WhenAHeartbeatWinsTheDocument_IsRunAgainAndSucceeds()
    {
        var entry = await table.AddAsync(Entries.New(SiloStatus.Joining));
        var before = await table.ReadAllAsync(Cancel);
        var other = new StoreMembershipTable(store);
        store.Before = operation =>
        {
            // Between this update's read and its write.
            if (operation.StartsWith("replace", StringComparison.Ordinal))
            {
                store.Before = null;
                return other.UpdateIAmAliveAsync(
                    new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = Entries.Now.AddSeconds(7) },
                    Cancel
                );
            }

            return Task.CompletedTask;
        };
        entry.Status = SiloStatus.Active;

        Assert.True(await table.UpdateRowAsync(entry, before.Members[0].Item2, before.Version.Next(), Cancel));
        Assert.Equal(SiloStatus.Active, await table.StatusAsync(entry));
    }

    [Fact]
    public async Task Insert_WhenTheAnswerToItsWriteIsLost_KnowsItsOwnRow()
    {
        var next = (await table.ReadAllAsync(Cancel)).Version.Next();
        store.LoseAnswer();

        Assert.True(await table.InsertRowAsync(Entries.New(), next, Cancel));
        Assert.Single((await table.ReadAllAsync(Cancel)).Members);
    }

    [Fact]
    public async Task Update_WhenTheAnswerToItsWriteIsLost_KnowsItsOwnRow()
    {
        var entry = await table.AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);
        store.LoseAnswer();

        Assert.True(await table.UpdateRowAsync(entry, before.Members[0].Item2, before.Version.Next(), Cancel));
        Assert.Equal(2, (await table.ReadAllAsync(Cancel)).Version.Version);
    }

    [Fact]
    public async Task Insert_OfOneRowByTwentyAtOnce_SucceedsOnce()
    {
        var entry = Entries.New();
        var next = (await table.ReadAllAsync(Cancel)).Version.Next();

        var won = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => Task.Run(() => new StoreMembershipTable(store).InsertRowAsync(entry, next, Cancel)))
        );

        Assert.Single(won, true);
        Assert.Equal(1, (await table.ReadAllAsync(Cancel)).Version.Version);
    }

    [Fact]
    public async Task Update_OfOneRowByManyAtOnce_LosesNoneAndCountsEach()
    {
        var entry = await table.AddAsync(Entries.New());

        await Task.WhenAll(
            Enumerable
                .Range(0, 10)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        var mine = new StoreMembershipTable(store);
                        var done = false;
                        while (!done)
                        {
                            var data = await mine.ReadAllAsync(Cancel);
                            done = await mine.UpdateRowAsync(entry, data.Members[0].Item2, data.Version.Next(), Cancel);
                        }
                    })
                )
        );

        Assert.Equal(11, (await table.ReadAllAsync(Cancel)).Version.Version);
    }

    [Fact]
    public async Task UpdateIAmAlive_OfTenSilosAtOnce_LosesNone()
    {
        var entries = new List<MembershipEntry>();
        for (var i = 0; i < 10; i++)
        {
            entries.Add(await table.AddAsync(Entries.New()));
        }

        await Task.WhenAll(
            entries.Select(entry =>
                Task.Run(() =>
                    new StoreMembershipTable(store).UpdateIAmAliveAsync(
                        new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = Entries.Now.AddMinutes(1) },
                        Cancel
                    )
                )
            )
        );

        // Later where a try took so long on a busy machine that another one followed, which tells its own time.
        Assert.All(
            (await table.ReadAllAsync(Cancel)).Members,
            member => Assert.True(member.Item1.IAmAliveTime >= Entries.Now.AddMinutes(1), $"{member.Item1.IAmAliveTime:O}")
        );
    }

    [Fact]
    public async Task CleanupDefunct_OfOldRows_KeepsTheActiveAndTheRecent()
    {
        MembershipEntry Old(SiloStatus status)
        {
            var entry = Entries.New(status);
            entry.StartTime = entry.IAmAliveTime = Entries.Now.AddDays(-10);
            return entry;
        }

        var active = await table.AddAsync(Old(SiloStatus.Active));
        var recent = await table.AddAsync(Entries.New(SiloStatus.Dead));
        var lastVoteRecent = Old(SiloStatus.Dead);
        lastVoteRecent.AddSuspector(Entries.Silo(), Entries.Now);
        await table.AddAsync(lastVoteRecent);
        foreach (var status in Enum.GetValues<SiloStatus>().Where(status => status != SiloStatus.Active))
        {
            await table.AddAsync(Old(status));
        }

        var before = (await table.ReadAllAsync(Cancel)).Version;

        await table.CleanupDefunctSiloEntriesAsync(new DateTimeOffset(Entries.Now.AddDays(-3)), Cancel);

        var after = await table.ReadAllAsync(Cancel);
        Assert.Equal(
            new[] { active, recent, lastVoteRecent }.Select(entry => entry.SiloAddress).ToHashSet(),
            after.Members.Select(member => member.Item1.SiloAddress).ToHashSet()
        );
        Assert.Equal(before, after.Version);
    }

    [Theory]
    [InlineData(SiloStatus.Dead, 1, false)]
    [InlineData(SiloStatus.Joining, 1, true)]
    [InlineData(SiloStatus.Joining, 23, true)]
    [InlineData(SiloStatus.ShuttingDown, 23, true)]
    [InlineData(SiloStatus.Joining, 25, false)]
    public async Task Cleanup_OfOneThatMayLive_LeavesRoomForClocksThatAreWrong(SiloStatus status, int hoursTooOld, bool stays)
    {
        var entry = Entries.New(status);
        entry.StartTime = entry.IAmAliveTime = Entries.Now.AddHours(-hoursTooOld);
        await table.AddAsync(entry);

        await table.CleanupDefunctSiloEntriesAsync(new DateTimeOffset(Entries.Now), Cancel);

        Assert.Equal(stays, (await table.ReadAllAsync(Cancel)).Members.Count == 1);
    }

    [Fact]
    public async Task Delete_OfAllEntries_LeavesAnEmptyTable()
    {
        await table.AddAsync(Entries.New());

        await table.DeleteMembershipTableEntriesAsync("slowrun", Cancel);

        var data = await table.ReadAllAsync(Cancel);
        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
        await table.AddAsync(Entries.New());
    }

    [Fact]
    public async Task Operations_OfEachCall_AreAsFewAsTheBudgetSays()
    {
        var entry = await table.AddAsync(Entries.New());
        async Task<int> CountAsync(Func<Task> call)
        {
            store.Forget();
            await call();
            return store.Operations.Count;
        }

        Assert.Equal(1, await CountAsync(() => table.ReadAllAsync(Cancel)));
        Assert.Equal(
            2,
            await CountAsync(() =>
                table.UpdateIAmAliveAsync(
                    new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = Entries.Now.AddMinutes(1) },
                    Cancel
                )
            )
        );
        Assert.Equal(1, await CountAsync(() => new StoreGatewayListProvider(store, TimeSpan.FromSeconds(5)).GetGatewaysAsync(Cancel)));
        Assert.Equal(1, await CountAsync(() => table.CleanupDefunctSiloEntriesAsync(DateTimeOffset.UnixEpoch, Cancel)));
    }

    [Fact]
    public async Task Methods_OfBothGenerations_DoTheSame()
    {
#pragma warning disable CS0618 // Orleans calls the obsolete twins still, and foreign suites do.
        IMembershipTable old = table;
        await old.InitializeMembershipTable(true);
        var entry = Entries.New();
        Assert.True(await old.InsertRow(entry, (await old.ReadAll()).Version.Next()));
        var data = await old.ReadRow(entry.SiloAddress);
        entry.Status = SiloStatus.Dead;
        Assert.True(await old.UpdateRow(entry, data.Members[0].Item2, data.Version.Next()));
        await old.UpdateIAmAlive(new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = Entries.Now.AddDays(1) });
        Assert.Equal(Entries.Now.AddDays(1), (await old.ReadAll()).Members[0].Item1.IAmAliveTime);
        await old.CleanupDefunctSiloEntries(new DateTimeOffset(Entries.Now.AddDays(2)));
        Assert.Empty((await old.ReadAll()).Members);
        await old.DeleteMembershipTableEntries("slowrun");
        Assert.Equal(0, (await old.ReadAll()).Version.Version);
#pragma warning restore CS0618
    }
}
