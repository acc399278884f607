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
    public async Task Write_AfterOneThatWasGivenUpAndSucceededAllTheSame_IsAConflictSoThatTheRootIsReadAgain()
    {
        var state = new FakeState { State = new StageRoot { WriteId = "before" } };
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var document = Document(state);
        var writing = document.WriteAsync(new StageRoot { WriteId = "finish" }, cancelled.Token);
        await state.Begun.Task.WaitAsync(Stop);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(TimeSpan.FromMinutes(1), Stop));

        var release = document.WriteAsync(new StageRoot { WriteId = "release" }, Stop);
        Assert.False(release.IsCompleted);
        state.Written.SetResult();

        await Assert.ThrowsAsync<RootConflictException>(() => release);
        Assert.Equal(1, state.Writes);
        await document.WriteAsync(new StageRoot { WriteId = "release" }, Stop);
        Assert.Equal(2, state.Writes);
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

        Assert.Equal(
            "There is no room.",
            (await Assert.ThrowsAsync<StoreException>(() => Document(state).WriteAsync(new StageRoot(), Stop))).Message
        );
    }

    [Fact]
    public async Task Write_WhenTheActivationHasEnded_IsAConflictOnce_AndThenTheStoresOwnDocument()
    {
        var state = new FakeState();
        state.Written.SetException(new InvalidOperationException("Attempt to access an invalid activation"));
        var store = new MemoryStore();
        var deactivated = new TaskCompletionSource();
        var document = Document(state, store, deactivated.Task);
        // Between the beginning of the write and its end.
        state.Before = deactivated.SetResult;

        Assert.IsType<ActivationEndedException>(
            (await Assert.ThrowsAsync<RootConflictException>(() => document.WriteAsync(new StageRoot(), Stop))).InnerException
        );

        Assert.Null(await document.ReadAsync(Stop));
        await document.WriteAsync(new StageRoot { WriteId = "direct" }, Stop);
        Assert.Equal("direct", (await new StoreRootDocument(store, "root").ReadAsync(Stop))!.WriteId);
    }

    [Fact]
    public async Task Read_WhenTheActivationIsAboutToEnd_LeavesItsStateAlone()
    {
        var document = Document(new FakeState { State = new StageRoot { WriteId = "of the activation" } });
        document.End();

        Assert.Null(await document.ReadAsync(Stop));
    }

    [Fact]
    public async Task Write_WhenSomethingElseIsWrongWithALivingActivation_IsNoConflict()
    {
        var state = new FakeState();
        state.Written.SetException(new InvalidOperationException("State has not yet been loaded"));

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => Document(state).WriteAsync(new StageRoot(), Stop));
        Assert.Equal("State has not yet been loaded", e.Message);
    }

    private static GrainRootDocument Document(FakeState state, IObjectStore? store = null, Task? deactivated = null) =>
        new(
            state,
            TaskScheduler.Default,
            deactivated ?? new TaskCompletionSource().Task,
            new StoreRootDocument(store ?? new MemoryStore(), "root")
        );

    private sealed class FakeState : IPersistentState<StageRoot>
    {
        /// <summary>The write id of the root that is being written.</summary>
        public TaskCompletionSource<string> Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Written { get; } = new();

        public StageRoot State { get; set; } = new();

        public string Etag => "";

        public bool RecordExists => true;

        public Task ReadStateAsync() => Task.CompletedTask;

        public int Writes { get; private set; }

        public Action Before { get; set; } = () => { };

        public Task WriteStateAsync()
        {
            Before();
            Writes++;
            Begun.TrySetResult(State.WriteId);
            return Written.Task;
        }

        public Task ClearStateAsync() => Task.CompletedTask;
    }
}
