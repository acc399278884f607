using Orleans.Storage;
using Slowrun.Clustering.Persistence;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

/// <summary>What Orleans requires of a grain storage, on any store.</summary>
public abstract class GrainStorageContract : IAsyncLifetime
{
    private static readonly GrainId Grain = GrainId.Create("counter", "a");

    private RecordingStore store = null!;
    private IGrainStorage storage = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        store = new RecordingStore(await OpenAsync());
        storage = Over(store);
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected abstract Task<IObjectStore> OpenAsync();

    /// <summary>The grain storage on that store; it is <see cref="StoreGrainStorage"/> except where a suite is another's.</summary>
    private protected virtual IGrainStorage Over(RecordingStore store) => new StoreGrainStorage(store);

    /// <summary>What a conflict says of the document.</summary>
    protected virtual string ConflictOf(string name) => $"'{name}' in ";

    /// <summary>What a conflict tells of the etag that was found.</summary>
    protected virtual string? Told(string? foundEtag) => foundEtag;

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
    public async Task Write_OfTheSameState_GivesANewEtagAndRefusesTheOldOne()
    {
        var state = await WriteNewAsync(1);
        var first = state.ETag;

        await storage.WriteStateAsync("s", Grain, state, Cancel);

        Assert.NotEqual(first, state.ETag);
        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            storage.WriteStateAsync("s", Grain, new GrainState<Counter>(new Counter { Value = 1 }, first), Cancel)
        );
    }

    [Fact]
    public async Task Write_OfANewGrainThatExists_ThrowsInconsistentState()
    {
        var first = await WriteNewAsync(1);

        var e = await Assert.ThrowsAsync<InconsistentStateException>(() => WriteNewAsync(1));

        Assert.Contains(ConflictOf("grains/counter/a/s"), e.Message, StringComparison.Ordinal);
        Assert.Equal(Told(first.ETag), e.StoredEtag);
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

        Assert.Equal((Told(other.ETag), old), (e.StoredEtag, e.CurrentEtag));
        Assert.Equal(old, state.ETag);
        Assert.Equal(2, (await ReadAsync()).State!.Value);
    }

    [Fact]
    public async Task Write_WithAnEtagWhereThereIsNoRecord_ThrowsInconsistentState() =>
        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            storage.WriteStateAsync("s", Grain, new GrainState<Counter>(new Counter(), "17"), Cancel)
        );

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

        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            storage.ClearStateAsync("s", Grain, new GrainState<Counter>(new Counter()), Cancel)
        );
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
            storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root { WriteId = "ours" }), Cancel)
        );
    }

    [Fact]
    public async Task Write_OfTheSameStateWithoutAWriteIdInIt_IsNotTakenForItsOwn()
    {
        await storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root()), Cancel);

        await Assert.ThrowsAsync<InconsistentStateException>(() =>
            storage.WriteStateAsync("s", Grain, new GrainState<Root>(new Root()), Cancel)
        );
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

    [Theory]
    [InlineData("{")]
    [InlineData("{\"value\":1,\"unknown\":2}")]
    public async Task Write_AfterADamagedDocumentWasFound_ReplacesJustThatOne(string damaged)
    {
        var state = await WriteNewAsync(1);
        await store.WriteAsync("grains/counter/a/s", System.Text.Encoding.UTF8.GetBytes(damaged), Cancel);
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Grain, state, Cancel));
        await Assert.ThrowsAsync<InvalidDataException>(() => storage.ReadStateAsync("s", Grain, state, Cancel));
        state.State = new Counter { Value = 2 };

        await storage.WriteStateAsync("s", Grain, state, Cancel);

        var read = await ReadAsync();
        Assert.Equal((2, state.ETag), (read.State!.Value, read.ETag));
        read.State.Value = 3;
        await storage.WriteStateAsync("s", Grain, read, Cancel);
        Assert.Equal(3, (await ReadAsync()).State!.Value);
    }

    [Fact]
    public async Task Write_AfterADamagedDocumentWasFoundAndMendedByAnother_ThrowsInconsistentState()
    {
        var state = await WriteNewAsync(1);
        await store.WriteAsync("grains/counter/a/s", "{"u8.ToArray(), Cancel);
        await Assert.ThrowsAsync<InvalidDataException>(() => storage.ReadStateAsync("s", Grain, state, Cancel));
        await store.WriteAsync("grains/counter/a/s", "{\"value\":7}"u8.ToArray(), Cancel);

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Grain, state, Cancel));

        Assert.Equal(7, (await ReadAsync()).State!.Value);
    }

    [Fact]
    public async Task Write_WhenItsTokenIsCancelled_SendsNothing()
    {
        var state = await WriteNewAsync(1);
        store.Forget();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            storage.WriteStateAsync("s", Grain, state, new CancellationToken(canceled: true))
        );

        Assert.Equal(state.ETag, (await ReadAsync()).ETag);
    }

    [Fact]
    public async Task Write_ByManyGrainsAtOnce_KeepsThemApart()
    {
        await Task.WhenAll(
            Enumerable
                .Range(0, 30)
                .Select(i =>
                    Task.Run(async () =>
                    {
                        var state = new GrainState<Counter>(new Counter());
                        for (var round = 0; round < 3; round++)
                        {
                            state.State!.Value = (i * 10) + round;
                            await storage.WriteStateAsync("s", GrainId.Create("counter", $"k{i}"), state, Cancel);
                        }
                    })
                )
        );

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
