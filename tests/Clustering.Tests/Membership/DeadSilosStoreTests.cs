using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>What the store does while silos are watched, and what is asked of it.</summary>
public sealed class DeadSilosStoreTests : WatchedTableTests
{
    [Fact]
    public async Task Bury_WhenTheWatchWasInterrupted_BeginsAnew()
    {
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        Assert.Empty(await WatchAsync(Patience - Second));
        // This process stood still, and perhaps the store did too.
        time.Advance(HeartbeatWatch.LongestGap + Second);

        Assert.Empty(await WatchAsync(Patience - Second));
        time.Advance(Second);
        Assert.Single(await WatchAsync(TimeSpan.Zero));
    }

    [Theory]
    [InlineData("read")]
    [InlineData("write")]
    public async Task Bury_WhenTheStoreRefusedAnOperationMeanwhile_BeginsAnew(string refused)
    {
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        Assert.Empty(await WatchAsync(Patience - Second));
        store.Before = operation =>
            operation.StartsWith(refused, StringComparison.Ordinal) ? throw new IOException("away") : Task.CompletedTask;
        time.Advance(Second);
        await Assert.ThrowsAsync<IOException>(() => dead.BuryAsync(Cancel));
        store.Before = null;
        time.Advance(Second);

        Assert.Empty(await WatchAsync(Patience - Second));
        time.Advance(Second);
        Assert.Single(await WatchAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task Bury_WhenTheStoreWasAwayFromEverybodyFor20Seconds_SparesALivingFleetThatTheJoinerCannotReach()
    {
        // Their heartbeats, each at its own moment; one that fails is tried again after a second.
        var fleet = new (MembershipEntry Entry, double Next)[3];
        for (var i = 0; i < fleet.Length; i++)
        {
            fleet[i] = (await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New(name: $"silo{i}")), 2.5 * i);
        }

        List<(double At, string Name)> buried = [];
        var isAway = false;
        store.Before = _ => isAway ? throw new IOException("The store is away.") : Task.CompletedTask;
        // From 10 s to 30 s the store is away; the joiner comes at 22 s, and gets no heartbeat. At 60 s the first of the fleet really dies.
        for (var now = 0.0; now < 80; now += 0.5)
        {
            isAway = now is >= 10 and < 30;
            for (var i = 0; i < fleet.Length; i++)
            {
                if (now < fleet[i].Next || (i == 0 && now >= 60))
                {
                    continue;
                }

                fleet[i].Entry.IAmAliveTime = time.GetUtcNow().UtcDateTime;
                if (!isAway)
                {
                    await table.UpdateIAmAliveAsync(fleet[i].Entry, Cancel);
                }

                fleet[i].Next = now + (isAway ? 1 : 7.5);
            }

            if (now >= 22 && now % 1 == 0)
            {
                try
                {
                    buried.AddRange((await dead.BuryAsync(Cancel)).Select(silo => (now, silo.Name)));
                }
                catch (IOException) when (isAway)
                {
                    // It looks again in a second.
                }
            }

            time.Advance(TimeSpan.FromSeconds(0.5));
        }

        var (at, name) = Assert.Single(buried);
        Assert.Equal("silo0", name);
        Assert.InRange(at, 60, 60 + Patience.TotalSeconds);
    }

    [Fact]
    public async Task Bury_OfSeveral_IsOneLogicalChangeThatOrleansSees()
    {
        var first = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        var before = await table.ReadAllAsync(Cancel);

        Assert.Equal(2, (await WatchAsync(Patience)).Count);

        var after = await table.ReadAllAsync(Cancel);
        Assert.Equal(before.Version.Version + 1, after.Version.Version);
        Assert.False(await table.UpdateRowAsync(first, before.TryGet(first.SiloAddress)!.Item2, after.Version.Next(), Cancel));
        Assert.False(await table.InsertRowAsync(Entries.New(), before.Version.Next(), Cancel));
        Assert.Empty(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenTheAnswerToItsWriteIsLost_StillTellsWhomItBuried()
    {
        await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        Assert.Empty(await WatchAsync(Patience - Second));
        time.Advance(Second);
        store.Before = operation =>
        {
            if (operation.StartsWith("replace", StringComparison.Ordinal))
            {
                store.Before = null;
                store.LoseAnswer();
            }

            return Task.CompletedTask;
        };

        Assert.Single(await dead.BuryAsync(Cancel));
    }

    [Fact]
    public async Task Bury_WhenNobodyIsDead_WritesNothing()
    {
        await table.AddAsync(Entries.New());
        store.Forget();

        Assert.Empty(await dead.BuryAsync(Cancel));
        Assert.Equal(["read cluster/membership"], store.Operations);
    }

    [Theory]
    [InlineData(0.9)]
    [InlineData(2.5)]
    public async Task Bury_OnAStoreThatIsAlwaysSlow_ProvesDeathLater(double seconds)
    {
        var silo = await PromisingAsync(2);
        store.Before = _ =>
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            return Task.CompletedTask;
        };
        var began = time.GetUtcNow();
        BuriedSilo? buried = null;
        while (buried is null && time.GetUtcNow() - began < TimeSpan.FromMinutes(3))
        {
            time.Advance(TimeSpan.FromSeconds(0.5));
            buried = (await dead.BuryAsync(Cancel)).SingleOrDefault();
        }

        Assert.Equal(silo, buried?.Silo);
        // A living one may need a read and a write for a try that was cut off, and again for the next.
        Assert.True(time.GetUtcNow() - began > TimeSpan.FromSeconds(2 + (4 * seconds)));
    }

    [Fact]
    public async Task Bury_OnASlowStore_SparesWhoseHeartbeatsAreAsSlow()
    {
        var entry = await new StoreMembershipTable(store, Elsewhere).AddAsync(Entries.New());
        await new MembershipFile(store).ChangeAsync(
            document => document.With(document.Rows[0], document.Rows[0] with { HeartbeatSeconds = 2 }),
            Cancel
        );
        for (var i = 0; i < 60; i++)
        {
            store.Before = _ =>
            {
                time.Advance(TimeSpan.FromSeconds(0.9));
                return Task.CompletedTask;
            };
            Assert.Empty(await dead.BuryAsync(Cancel));
            store.Before = null;
            if (i % 2 == 0)
            {
                entry.IAmAliveTime += Second;
                await table.UpdateIAmAliveAsync(entry, Cancel);
            }
        }
    }

    [Fact]
    public async Task Doubtful_OfAProcessOfThisMachineThatIsGone_IsKnownWithoutTheStore()
    {
        using var child = new ChildProcess();
        var entry = await new StoreMembershipTable(store, child.Identity).AddAsync(Entries.New());
        await dead.BuryAsync(Cancel);
        Assert.Empty(dead.Doubtful);
        store.Forget();
        child.Kill();

        Assert.Equal([entry.SiloAddress.ToParsableString()], dead.Doubtful);
        Assert.Empty(store.Operations);
    }
}
