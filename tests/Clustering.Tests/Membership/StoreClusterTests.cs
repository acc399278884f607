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

        var found = await Task.WhenAll(
            Enumerable.Range(0, 5).Select(_ => StoreCluster.FoundAsync(new RecordingStore(store) { Before = Meet }, Cancel))
        );

        Assert.Equal(await StoreCluster.ReadAsync(store, Cancel), Assert.Single(found.Distinct()));
    }

    /// <summary>A silo that only reads would try to join for minutes.</summary>
    [Fact]
    public async Task Found_InAStoreThatTakesNoWrites_SaysWhy()
    {
        await StoreCluster.FoundAsync(store, Cancel);
        var readable = new RecordingStore(store)
        {
            Before = operation =>
                operation.StartsWith("read", StringComparison.Ordinal)
                    ? Task.CompletedTask
                    : Task.FromException(new StoreException(StoreProblem.ReadOnly, "It is read-only.")),
        };

        var e = await Assert.ThrowsAsync<StoreException>(() => StoreCluster.FoundAsync(readable, Cancel));

        Assert.Equal(StoreProblem.ReadOnly, e.Problem);
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

    [Theory]
    [InlineData("azure-table")]
    [InlineData("azure-table=https://account.table.core.windows.net")]
    public async Task Found_InATable_IsRememberedForAllThatComeAfter(string place)
    {
        var found = await StoreCluster.FoundAsync(store, ClusterPlace.Parse(place), Cancel);

        Assert.Equal(place, found.Place.ToString());
        Assert.Equal(found, await StoreCluster.FoundAsync(store, Cancel));
        Assert.Equal(found, await StoreCluster.FoundAsync(store, ClusterPlace.Parse(place), Cancel));
        Assert.Equal(found, await StoreCluster.ReadAsync(store, Cancel));
    }

    [Theory]
    [InlineData(null, "azure-table")]
    [InlineData("document", "azure-table")]
    [InlineData("azure-table", "document")]
    [InlineData("azure-table", "azure-table=https://other.table.core.windows.net")]
    public async Task Found_AtAnotherPlaceThanTheFirstSilos_IsRefusedAndSaysWhatToDo(string? first, string second)
    {
        await StoreCluster.FoundAsync(store, ClusterPlace.Parse(first), Cancel);

        var e = await Assert.ThrowsAsync<StoreException>(() => StoreCluster.FoundAsync(store, ClusterPlace.Parse(second), Cancel));

        Assert.Contains($"kept by '{first ?? "document"}'", e.Message, StringComparison.Ordinal);
        Assert.Contains($"not by '{second}'", e.Message, StringComparison.Ordinal);
        Assert.Contains("Leave --clustering out", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Found_InAnOlderStore_GoesToATableOnlyWhereNobodyServesIt(bool served)
    {
        await new StoreMembershipTable(store, new ProcessIdentity("elsewhere", 1, 1)).AddAsync(
            Entries.New(served ? SiloStatus.Active : SiloStatus.Dead)
        );
        var table = ClusterPlace.Parse("azure-table");

        if (served)
        {
            await Assert.ThrowsAsync<StoreException>(() => StoreCluster.FoundAsync(store, table, Cancel));
        }
        else
        {
            Assert.Equal(table, (await StoreCluster.FoundAsync(store, table, Cancel)).Place);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("table")]
    [InlineData("azure-table=")]
    [InlineData("azure-table=account")]
    [InlineData("azure-table=ftp://account.table.core.windows.net")]
    [InlineData("azure-table=https://account.table.core.windows.net?sig=secret")]
    [InlineData("azure-table=https://user:secret@account.table.core.windows.net")]
    public void Place_ThatIsNone_IsRefusedWithoutBeingQuoted(string text)
    {
        var e = Assert.Throws<FormatException>(() => ClusterPlace.Parse(text));

        Assert.Contains("azure-table=https://ACCOUNT.table.core.windows.net", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_OfAPlaceThatThisVersionDoesNotKnow_SaysSo()
    {
        await store.WriteAsync("cluster/membership", "{\"format\":1,\"clusterId\":\"x\",\"clustering\":\"ether\"}"u8.ToArray(), Cancel);

        Assert.Contains(
            "'ether'",
            (await Assert.ThrowsAsync<InvalidDataException>(() => StoreCluster.ReadAsync(store, Cancel))).Message,
            StringComparison.Ordinal
        );
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
