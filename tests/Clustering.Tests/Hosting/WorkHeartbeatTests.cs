using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

public sealed class WorkHeartbeatTests
{
    private readonly RecordingStore store = new(new MemoryStore());
    private readonly FakeTimeProvider time = new(new DateTimeOffset(Entries.Now.AddMinutes(1)));
    private readonly Workload workload = new();
    private readonly MembershipFile file;

    public WorkHeartbeatTests() => file = new MembershipFile(store, time: time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Beat_WithoutWork_CostsNothing()
    {
        var heartbeat = await HeartbeatAsync(others: 0);
        store.Forget();

        await heartbeat.BeatAsync(Cancel);

        Assert.Empty(store.Operations);
    }

    [Fact]
    public async Task Beat_WhileWorkIsUnderWay_GivesASignOfLifeAndPromisesMore_UntilItIsOver()
    {
        var heartbeat = await HeartbeatAsync(others: 2);
        workload.IsUnderWay = true;

        await heartbeat.BeatAsync(Cancel);
        var first = await OwnAsync();
        Assert.Equal((time.GetUtcNow().UtcDateTime, 2.0), (first.IAmAliveTime, first.HeartbeatSeconds));
        time.Advance(WorkHeartbeat.Period);
        await heartbeat.BeatAsync(Cancel);
        Assert.Equal(first.IAmAliveTime + WorkHeartbeat.Period, (await OwnAsync()).IAmAliveTime);
        Assert.Equal(first.ETag, (await OwnAsync()).ETag);

        workload.IsUnderWay = false;
        await heartbeat.BeatAsync(Cancel);
        Assert.Null((await OwnAsync()).HeartbeatSeconds);
        store.Forget();
        await heartbeat.BeatAsync(Cancel);
        Assert.Empty(store.Operations);
    }

    [Fact]
    public async Task Beat_AfterAPromiseWhoseAnswerWasLost_WithdrawsItWhereTheWorkIsOverMeanwhile()
    {
        var heartbeat = await HeartbeatAsync(others: 0);
        workload.IsUnderWay = true;
        using var limit = new CancellationTokenSource();
        store.LoseAnswer();
        store.Before = operation =>
        {
            if (operation.StartsWith("replace", StringComparison.Ordinal))
            {
                // Its time is over before it learns how the document is now: the wait before it looks again is random, and may be none.
                store.Before = _ => Task.Delay(Timeout.InfiniteTimeSpan, limit.Token);
            }

            return Task.CompletedTask;
        };
        var beat = heartbeat.BeatAsync(limit.Token);
        await store.WaitForAsync(MembershipFile.Name, text => text.Contains("\"heartbeatSeconds\":2", StringComparison.Ordinal), Cancel);
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => beat);
        store.Before = null;
        Assert.Equal(2.0, (await OwnAsync()).HeartbeatSeconds);

        workload.IsUnderWay = false;
        await heartbeat.BeatAsync(Cancel);

        Assert.Null((await OwnAsync()).HeartbeatSeconds);
    }

    [Fact]
    public async Task Beat_OfASiloWithoutWork_FollowsThoseThatHaveSome_AndNobodyElse()
    {
        var heartbeat = await HeartbeatAsync(others: 2);
        async Task OtherAsync(bool works, double? promise) =>
            await file.ChangeAsync(
                document => document.With(document.Rows[1], document.Rows[1] with { Works = works, HeartbeatSeconds = promise }),
                Cancel
            );

        await OtherAsync(works: false, promise: 2);
        await file.ReadAsync(Cancel);
        await heartbeat.BeatAsync(Cancel);
        Assert.Null((await OwnAsync()).HeartbeatSeconds);

        await OtherAsync(works: true, promise: 2);
        await file.ReadAsync(Cancel);
        await heartbeat.BeatAsync(Cancel);
        Assert.Equal((2.0, false), ((await OwnAsync()).HeartbeatSeconds, (await OwnAsync()).Works));

        await OtherAsync(works: false, promise: null);
        await heartbeat.BeatAsync(Cancel);
        Assert.Null((await OwnAsync()).HeartbeatSeconds);
    }

    [Fact]
    public async Task Beat_InALargerFleet_PromisesNothing()
    {
        var heartbeat = await HeartbeatAsync(others: ClusterTuning.SmallFleet);
        workload.IsUnderWay = true;

        await heartbeat.BeatAsync(Cancel);

        Assert.Equal(((double?)null, Entries.Now), ((await OwnAsync()).HeartbeatSeconds, (await OwnAsync()).IAmAliveTime));
    }

    [Fact]
    public async Task Beat_WhenOrleansClockIsAhead_StillMoves()
    {
        var heartbeat = await HeartbeatAsync(others: 0);
        workload.IsUnderWay = true;
        var ahead = time.GetUtcNow().UtcDateTime.AddMinutes(1);
        await file.ChangeAsync(document => document.With(document.Rows[0], document.Rows[0] with { IAmAliveTime = ahead }), Cancel);

        await heartbeat.BeatAsync(Cancel);

        Assert.True((await OwnAsync()).IAmAliveTime > ahead);
    }

    [Fact]
    public async Task Beat_OfASiloThatWasBuried_DoesNotBringItBack()
    {
        var heartbeat = await HeartbeatAsync(others: 0);
        workload.IsUnderWay = true;
        await file.ChangeAsync(document => document.With(document.Rows[0], document.Rows[0] with { Status = SiloStatus.Dead }), Cancel);

        await heartbeat.BeatAsync(Cancel);

        Assert.Equal(SiloStatus.Dead, (await OwnAsync()).Status);
    }

    [Fact]
    public async Task Learn_OfASiloThatHearsOfWorkElsewhere_ReadsWhoWorks_UntilItKnows()
    {
        var heartbeat = await HeartbeatAsync(others: 2);
        await file.ReadAsync(Cancel);
        store.Forget();
        await heartbeat.LearnAsync(Cancel);
        Assert.Empty(store.Operations);

        workload.IsUnderWayElsewhere = true;
        await heartbeat.LearnAsync(Cancel);
        // It has promised since.
        await new MembershipFile(store).ChangeAsync(
            document => document.With(document.Rows[1], document.Rows[1] with { Works = true, HeartbeatSeconds = 2 }),
            Cancel
        );
        time.Advance(TimeSpan.FromSeconds(1));
        await heartbeat.LearnAsync(Cancel);
        Assert.True(file.LastRead!.Rows[1].Works);
        store.Forget();
        time.Advance(TimeSpan.FromSeconds(1));
        await heartbeat.LearnAsync(Cancel);
        Assert.Empty(store.Operations);

        await heartbeat.BeatAsync(Cancel);
        Assert.Equal(2.0, (await OwnAsync()).HeartbeatSeconds);
    }

    [Fact]
    public async Task Learn_WhereNobodyPromises_GivesUp()
    {
        var heartbeat = await HeartbeatAsync(others: 2);
        await file.ReadAsync(Cancel);
        workload.IsUnderWayElsewhere = true;
        store.Forget();
        for (var i = 0; i < 20; i++)
        {
            await heartbeat.LearnAsync(Cancel);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.InRange(store.Operations.Count, 1, 10);
    }

    private async Task<WorkHeartbeat> HeartbeatAsync(int others)
    {
        var entry = await new StoreMembershipTable(store).AddAsync(Entries.New());
        for (var i = 0; i < others; i++)
        {
            await new StoreMembershipTable(store).AddAsync(Entries.New());
        }

        return new WorkHeartbeat(file, entry.SiloAddress, time, NullLogger<WorkHeartbeat>.Instance, workload);
    }

    private async Task<MembershipRow> OwnAsync() => (await file.ReadAsync(Cancel)).Rows[0];

    private sealed class Workload : IWorkload
    {
        public bool IsUnderWay { get; set; }

        public bool IsUnderWayElsewhere { get; set; }
    }
}
