using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>The root's copy is written behind it: in order, and nobody waits for one that hangs.</summary>
public sealed class CopyingRootDocumentTests
{
    private static readonly string Copy = RunPaths.RootCopy(Run, Stage);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_WhileTheCopyBeforeHangs_DoesNotWait_AndTheCopyIsTheNewestInTheEnd()
    {
        var store = new MemoryStore();
        var slow = new SlowCopies(store);
        var documents = new RunDocuments(store, Run);
        var commit = new RootCommit(new CopyingRootDocument(documents.Root(Stage), slow, Copy), TimeProvider.System);

        await commit.TakeAsync(Request("a"), Cancel).WaitAsync(TimeSpan.FromMinutes(5), Cancel);
        await commit.CommitAsync(Ref(2), new StageLedger(), Cancel).WaitAsync(TimeSpan.FromMinutes(5), Cancel);
        var released = await commit.ReleaseAsync(ReleaseCause.Left, cancellationToken: Cancel).WaitAsync(TimeSpan.FromMinutes(5), Cancel);

        Assert.Equal(released.WriteId, (await documents.TryReadRootAsync(Stage, Cancel))!.WriteId);
        Assert.False(commit.Behind.IsCompleted);
        slow.Released.SetResult();
        await commit.Behind;
        // That of the commit would have been replaced at once.
        Assert.Equal([1, released.Revision], slow.Written);
        Assert.Equal(slow.Last, (await store.TryReadAsync(Copy, Cancel))!.Content.ToArray());
    }

    private sealed class SlowCopies(IObjectStore inner) : DelegatingStore(inner)
    {
        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<long> Written { get; } = [];

        public byte[] Last { get; private set; } = [];

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            Written.Add(SealedJson.Deserialize<StageRoot>(Copy, operation.Content.Span).Revision);
            Last = operation.Content.ToArray();
            await Released.Task;
            return await run();
        }
    }
}
