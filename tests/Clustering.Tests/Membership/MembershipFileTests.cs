using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class MembershipFileTests
{
    private readonly MemoryStore store = new("memory:here");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"format\":2,\"version\":3,\"rows\":[]}")]
    [InlineData("{\"format\":1,\"version\":3,\"rows\":[{\"eTag\":\"x\",\"silo\":\"nowhere\",\"siloName\":\"a\",\"status\":\"Active\"}]}")]
    [InlineData(
        "{\"format\":1,\"version\":3,\"rows\":[{\"eTag\":\"x\",\"silo\":\"127.0.0.1:11111@5\",\"siloName\":\"a\",\"status\":\"Sleepy\"}]}"
    )]
    public async Task Read_OfADamagedDocument_NamesItAndSaysWhatToDo(string text)
    {
        await store.WriteAsync("cluster/membership", Encoding.UTF8.GetBytes(text), Cancel);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => new StoreMembershipTable(store).ReadAllAsync(Cancel));

        Assert.Contains("'cluster/membership' in memory:here", e.Message, StringComparison.Ordinal);
        Assert.Contains("delete it", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row_OfThisProcess_SaysWhichProcessItIsAndNothingThatChanges()
    {
        await new StoreMembershipTable(store).AddAsync(Entries.New());

        var document = JsonNode.Parse((await store.TryReadAsync("cluster/membership", Cancel))!.Content.Span)!;
        var process = document["rows"]![0]!["process"]!.AsObject();
        Assert.Equal(["machine", "processId", "startTicks"], process.Select(property => property.Key));
        Assert.Equal(Environment.ProcessId, (int)process["processId"]!);
    }

    [Fact]
    public async Task Row_UpdatedByAnotherSilo_StaysOfTheProcessThatInsertedIt()
    {
        var own = new ProcessIdentity("elsewhere", 7, 70);
        var entry = await new StoreMembershipTable(store, own).AddAsync(Entries.New());
        var other = new StoreMembershipTable(store, new ProcessIdentity("here", 8, 80));
        var data = await other.ReadAllAsync(Cancel);

        Assert.True(await other.UpdateRowAsync(entry, data.Members[0].Item2, data.Version.Next(), Cancel));

        var file = await new MembershipFile(store).ReadAsync(Cancel);
        Assert.Equal(own, Assert.Single(file.Rows).Process);
    }

    [Fact]
    public async Task Heartbeat_WhenTheStoreIsAway_IsTriedEverySecondUntilItIsWritten_AndTellsTheTimeThatItIsThen()
    {
        var time = new FakeTimeProvider();
        var tries = 0;
        var isAway = false;
        var cut = new RecordingStore(store)
        {
            Before = _ =>
            {
                tries++;
                return isAway ? throw new StoreException(StoreProblem.Unreachable, "away") : Task.CompletedTask;
            },
        };
        var table = new StoreMembershipTable(cut, new MembershipFile(cut), time, ProcessIdentity.Current);
        var entry = await table.AddAsync(Entries.New());
        (isAway, tries) = (true, 0);

        var beat = table.UpdateIAmAliveAsync(entry, Cancel);
        for (var seconds = 1; seconds <= 20; seconds++)
        {
            Assert.False(beat.IsCompleted);
            Assert.Equal(seconds, tries);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        isAway = false;
        time.Advance(TimeSpan.FromSeconds(1));
        await beat;

        Assert.Equal(Entries.Now.AddSeconds(21), (await table.ReadAllAsync(Cancel)).Members[0].Item1.IAmAliveTime);
    }

    [Fact]
    public async Task Heartbeat_WhenTheStoreStaysAway_EndsWithTheSilo()
    {
        var cut = new RecordingStore(store);
        using var stopped = new CancellationTokenSource();
        var table = new StoreMembershipTable(
            cut,
            new MembershipFile(cut),
            new FakeTimeProvider(),
            ProcessIdentity.Current,
            stopped: stopped.Token
        );
        var entry = await table.AddAsync(Entries.New());
        cut.Before = _ => throw new IOException("away");

        var beat = table.UpdateIAmAliveAsync(entry, Cancel);
        await stopped.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => beat);
    }

    [Fact]
    public async Task Change_WhenTheStoreRefusesEveryWrite_EndsWithAnErrorThatSaysSo()
    {
        var refusing = new RecordingStore(store);
        await store.WriteAsync("cluster/membership", Encoding.UTF8.GetBytes("{}"), Cancel);
        // After every read another writer writes first, forever.
        refusing.Before = operation =>
            operation.StartsWith("replace", StringComparison.Ordinal)
                ? store.WriteAsync("cluster/membership", Encoding.UTF8.GetBytes("{}"), Cancel)
                : Task.CompletedTask;

        var e = await Assert.ThrowsAsync<IOException>(() =>
            new MembershipFile(refusing, TimeSpan.Zero).ChangeAsync(document => document with { Version = 1 }, Cancel)
        );

        Assert.Contains("100 times", e.Message, StringComparison.Ordinal);
    }
}
