using Orleans.Storage;
using Slowrun.Clustering.Persistence;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

/// <summary>What Orleans requires of a grain storage, on any store.</summary>
public abstract class GrainStorageContract : IAsyncLifetime
{
    private static readonly GrainId Grain = GrainId.Create("counter", "a");

    private RecordingStore store = null!;
    private StoreGrainStorage storage = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        store = new RecordingStore(await OpenAsync());
        storage = new StoreGrainStorage(store);
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected abstract Task<IObjectStore> OpenAsync();

    [Fact]
    public async Task Read_OfAGrainNeverWritten_GivesAFreshStateWithoutARecord()
    {
        var state = new GrainState<Counter>(new Counter { Value = 5 }, "stale") { RecordExists = true };

        await storage.ReadStateAsync("s", Grain, state, Cancel);

        Assert.Equal(0, state.State!.Value);
        Assert.Null(state.ETag);
        Assert.False(state.RecordExists);
    }

    [Fact]
    public async Task Write_OfANewGrain_IsReadBackWithItsEtag()
    {
        var written = await WriteNewAsync(7);

        var read = await ReadAsync();

        Assert.Equal(7, read.State!.Value);
        Assert.Equal(written.ETag, read.ETag);
        Assert.True(written.RecordExists && read.RecordExists);
    }

    [Fact]
    public async Task Write_WithTheLastEtag_ReplacesAndGivesANewOne()
    {
        var state = await WriteNewAsync(1);
        var first = state.ETag;
        state.State!.Value = 2;

        await storage.WriteStateAsync("s", Grain, state, Cancel);

        Assert.NotEqual(first, state.ETag);
        Assert.Equal(2, (await ReadAsync()).State!.Value);
    }

    [Fact]
    public async Task Write_OfANewGrainThatExists_ThrowsInconsistentState()
    {
        var first = await WriteNewAsync(1);

        var e = await Assert.ThrowsAsync<InconsistentStateException>(() => WriteNewAsync(1));

        Assert.Contains("'grains/counter/a/s' in ", e.Message, StringComparison.Ordinal);
        Assert.Equal(first.ETag, e.StoredEtag);
    }

    [Fact]
    public async Task Write_WithAnOldEtag_ThrowsInconsistentStateAndChangesNothing()
    {
        var state = await WriteNewAsync(1);
        var other = await ReadAsync();
        other.State!.Value = 2;
        await storage.WriteStateAsync("s", Grain, other, Cancel);
        state.State!.Value = 3;
        var old = state.ETag;

        var e = await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Grain, state, Cancel));

        Assert.Equal((other.ETag, old), (e.StoredEtag, e.CurrentEtag));
        Assert.Equal(old, state.ETag);
        Assert.Equal(2, (await ReadAsync()).State!.Value);
    }

    [Fact]
    public async Task Write_WithAnEtagWhereThereIsNoRecord_ThrowsInconsistentState() =>
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Grain, new GrainState<Counter>(new Counter(), "17"), Cancel));

    [Fact]
    public async Task Clear_OfARecord_DeletesItAndALaterWriteCreatesItAnew()
    {
        var state = await WriteNewAsync(1);
        var written = state.ETag;

        await storage.ClearStateAsync("s", Grain, state, Cancel);

        Assert.False(state.RecordExists);
        Assert.NotEqual(written, state.ETag);
        Assert.Equal(0, state.State!.Value);
        Assert.False((await ReadAsync()).RecordExists);
        state.State!.Value = 9;
        await storage.WriteStateAsync("s", Grain, state, Cancel);
        Assert.Equal(9, (await ReadAsync()).State!.Value);
    }

    [Fact]
    public async Task Clear_WithAnOldEtag_ThrowsInconsistentState()
    {
        var state = await WriteNewAsync(1);
        var other = await ReadAsync();
        other.State!.Value = 2;
        await storage.WriteStateAsync("s", Grain, other, Cancel);

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("s", Grain, state, Cancel));
        Assert.True((await ReadAsync()).RecordExists);
    }

    [Fact]
    public async Task Clear_WithoutAnEtagOfARecordThatExists_ThrowsInconsistentState()
    {
        await WriteNewAsync(1);

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("s", Grain, new GrainState<Counter>(new Counter()), Cancel));
        Assert.True((await ReadAsync()).RecordExists);
    }

    [Fact]
    public async Task Clear_OfAGrainNeverWritten_DoesNothing() =>
        await storage.ClearStateAsync("s", Grain, new GrainState<Counter>(new Counter()), Cancel);

    [Fact]
    public async Task Clear_WhenTheAnswerIsLost_FindsItDone()
    {
        var state = await WriteNewAsync(1);
        store.LoseAnswer();

        await storage.ClearStateAsync("s", Grain, state, Cancel);

        Assert.False(state.RecordExists);
    }

    [Fact]
    public async Task Write_WhenTheAnswerIsLost_KnowsItsOwnWriteById()
    {
        var state = new GrainState<Root>(new Root { WriteId = "one" });
        store.LoseAnswer();
        await storage.WriteStateAsync("s", Grain, state, Cancel);
        state.State = new Root { WriteId = "two" };
        store.LoseAnswer();
        await storage.WriteStateAsync("s", Grain, state, Cancel);

        var read = new GrainState<Root>();
        await storage.ReadStateAsync("s", Grain, read, Cancel);
        Assert.Equal(("two", state.ETag), (read.State!.WriteId, read.ETag));
    }

    [Fact]
    public async Task Write_WhenAnotherWroteWithItsOwnId_ThrowsInconsistentState()
    {
        await storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root { WriteId = "theirs" }), Cancel);

        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root { WriteId = "ours" }), Cancel));
    }

    [Fact]
    public async Task Write_OfTheSameStateWithoutAWriteIdInIt_IsNotTakenForItsOwn()
    {
        await storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root()), Cancel);

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root()), Cancel));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{\"value\":\"many\"}")]
    [InlineData("{\"value\":1,\"unknown\":2}")]
    [InlineData("null")]
    public async Task Read_OfADamagedDocument_NamesIt(string text)
    {
        await store.WriteAsync("grains/counter/a/s", System.Text.Encoding.UTF8.GetBytes(text), Cancel);

        var e = await Assert.ThrowsAsync<InvalidDataException>(ReadAsync);

        Assert.Contains($"{store.Address}: grains/counter/a/s", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_ByManyGrainsAtOnce_KeepsThemApart()
    {
        await Task.WhenAll(Enumerable.Range(0, 30).Select(i => Task.Run(async () =>
        {
            var state = new GrainState<Counter>(new Counter());
            for (var round = 0; round < 3; round++)
            {
                state.State!.Value = (i * 10) + round;
                await storage.WriteStateAsync("s", GrainId.Create("counter", $"k{i}"), state, Cancel);
            }
        })));

        for (var i = 0; i < 30; i++)
        {
            var state = new GrainState<Counter>();
            await storage.ReadStateAsync("s", GrainId.Create("counter", $"k{i}"), state, Cancel);
            Assert.Equal((i * 10) + 2, state.State!.Value);
        }
    }

    [Fact]
    public async Task Methods_OfBothGenerations_DoTheSame()
    {
        IGrainStorage old = storage;
        var state = new GrainState<Counter>(new Counter { Value = 3 });
#pragma warning disable CS0618 // Orleans calls the obsolete twins still, and foreign suites do.
        await old.WriteStateAsync("s", Grain, state);
        var read = new GrainState<Counter>();
        await old.ReadStateAsync("s", Grain, read);
        Assert.Equal(3, read.State!.Value);
        await old.ClearStateAsync("s", Grain, read);
#pragma warning restore CS0618
        Assert.False((await ReadAsync()).RecordExists);
    }

    private async Task<GrainState<Counter>> WriteNewAsync(int value)
    {
        var state = new GrainState<Counter>(new Counter { Value = value });
        await storage.WriteStateAsync("s", Grain, state, Cancel);
        return state;
    }

    private async Task<GrainState<Counter>> ReadAsync()
    {
        var state = new GrainState<Counter>();
        await storage.ReadStateAsync("s", Grain, state, Cancel);
        return state;
    }

    public sealed class Counter
    {
        public int Value { get; set; }
    }

    public sealed record Root
    {
        public string WriteId { get; init; } = "";
    }
}
