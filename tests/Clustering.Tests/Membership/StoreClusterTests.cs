using System.Text;
using System.Text.Json.Nodes;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class StoreClusterTests
{
    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Found_OfTwoStores_GivesEachAnIdOfItsOwnThatStays()
    {
        var first = await StoreCluster.FoundAsync(store, Cancel);
        var other = await StoreCluster.FoundAsync(new MemoryStore(), Cancel);

        Assert.NotEqual(first, other);
        Assert.Equal(32, first.Id.Length);
        Assert.Equal(first, await StoreCluster.FoundAsync(store, Cancel));
        Assert.Equal(first, await StoreCluster.ReadAsync(store, Cancel));
    }

    [Fact]
    public async Task Found_BySilosThatStartAtOnce_IsTheSameForAll()
    {
        // Each has read that there is no document before one of them writes.
        var readers = 0;
        var allHaveRead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task Meet(string operation)
        {
            if (operation.StartsWith("create", StringComparison.Ordinal) && Interlocked.Increment(ref readers) == 5)
            {
                allHaveRead.SetResult();
            }

            return operation.StartsWith("create", StringComparison.Ordinal) ? allHaveRead.Task : Task.CompletedTask;
        }

        var found = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => StoreCluster.FoundAsync(new RecordingStore(store) { Before = Meet }, Cancel)));

        Assert.Equal(await StoreCluster.ReadAsync(store, Cancel), Assert.Single(found.Distinct()));
    }

    [Fact]
    public async Task Found_WhenTheAnswerToItsWriteIsLost_IsWhatTheStoreHas()
    {
        var recording = new RecordingStore(store);
        recording.LoseAnswer();

        Assert.Equal(await StoreCluster.FoundAsync(recording, Cancel), await StoreCluster.ReadAsync(store, Cancel));
    }

    [Fact]
    public async Task Found_InAStoreOfAnOlderVersion_AddsAnIdAndLeavesTheRestAlone()
    {
        var entry = await new StoreMembershipTable(store).AddAsync(Entries.New());
        var before = JsonNode.Parse((await store.TryReadAsync("cluster/membership", Cancel))!.Content.Span)!.AsObject();
        before.Remove("clusterId");
        await store.WriteAsync("cluster/membership", Encoding.UTF8.GetBytes(before.ToJsonString()), Cancel);
        Assert.Equal("slowrun", (await StoreCluster.ReadAsync(store, Cancel)).Id);

        var found = await StoreCluster.FoundAsync(store, Cancel);

        var table = await new StoreMembershipTable(store).ReadAllAsync(Cancel);
        Assert.NotEqual("slowrun", found.Id);
        Assert.Equal((entry.SiloAddress, 1), (Assert.Single(table.Members).Item1.SiloAddress, table.Version.Version));
    }

    [Fact]
    public async Task Read_WritesNothing()
    {
        await StoreCluster.ReadAsync(store, Cancel);

        Assert.Null(await store.TryReadAsync("cluster/membership", Cancel));
    }

    [Fact]
    public async Task Table_ThatChanges_KeepsTheId()
    {
        var found = await StoreCluster.FoundAsync(store, Cancel);
        var table = new StoreMembershipTable(store);
        var entry = await table.AddAsync(Entries.New());
        await table.UpdateIAmAliveAsync(entry, Cancel);
        await table.CleanupDefunctSiloEntriesAsync(DateTimeOffset.MaxValue, Cancel);

        Assert.Equal(found, await StoreCluster.ReadAsync(store, Cancel));
    }
}
