using Orleans.Storage;
using Slowrun.Core.Stages;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Tests;

/// <summary>The root as a grain's state, over a state that does what a test wants.</summary>
public sealed class GrainRootDocumentTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_WhenTheProviderIgnoresItsToken_EndsWithTheTokenAndKeepsTheStateOfBefore()
    {
        var state = new FakeState { State = new StageRoot { WriteId = "before" } };
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        var writing = Document(state).WriteAsync(new StageRoot { WriteId = "hangs" }, cancelled.Token);
        Assert.Equal("hangs", await state.Begun.Task.WaitAsync(Stop));
        await cancelled.CancelAsync();

        // A limit only for the case that it never ends.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(TimeSpan.FromMinutes(1), Stop));
        Assert.Equal("before", state.State.WriteId);
    }

    [Fact]
    public async Task Write_WhenAnotherWriterWasThere_IsAConflict()
    {
        var state = new FakeState();
        state.Written.SetException(new InconsistentStateException("changed"));

        await Assert.ThrowsAsync<RootConflictException>(() => Document(state).WriteAsync(new StageRoot(), Stop));
    }

    [Fact]
    public async Task Write_WhenTheStoreFails_ThrowsItsOwnWords()
    {
        var state = new FakeState();
        state.Written.SetException(new OrleansException("Wrapped.", new StoreException(StoreProblem.Full, "There is no room.")));

        Assert.Equal("There is no room.", (await Assert.ThrowsAsync<StoreException>(() => Document(state).WriteAsync(new StageRoot(), Stop))).Message);
    }

    private static GrainRootDocument Document(FakeState state) => new(state, TaskScheduler.Default, new StoreRootDocument(new MemoryStore(), "root"));

    private sealed class FakeState : IPersistentState<StageRoot>
    {
        /// <summary>The write id of the root that is being written.</summary>
        public TaskCompletionSource<string> Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Written { get; } = new();

        public StageRoot State { get; set; } = new();

        public string Etag => "";

        public bool RecordExists => true;

        public Task ReadStateAsync() => Task.CompletedTask;

        public Task WriteStateAsync()
        {
            Begun.SetResult(State.WriteId);
            return Written.Task;
        }

        public Task ClearStateAsync() => Task.CompletedTask;
    }
}
