using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>The root's copy is written behind it: in order, never over a newer one, and no write waits for a copy that hangs.</summary>
public sealed class CopyingRootDocumentTests
{
    private static readonly string Copy = RunPaths.RootCopy(Run, Stage);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_WhileTheCopyBeforeHangs_DoesNotWait_AndTheCopyIsTheNewestInTheEnd()
    {
        var store = new MemoryStore();
        var slow = new SlowCopies(store) { Holds = true };
        var documents = new RunDocuments(store, Run);
        var commit = Owner(slow);

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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Copy_ThatArrivesAfterTheNextOwners_LeavesThatOneAlone(bool isTheFirst)
    {
        var store = new MemoryStore();
        var slow = new SlowCopies(store) { Holds = isTheFirst };
        var before = Owner(slow);
        await before.TakeAsync(Request("a"), Cancel);
        if (!isTheFirst)
        {
            await before.Behind;
            slow.Holds = true;
            await before.CommitAsync(Ref(2), new StageLedger(), Cancel);
        }

        var next = Owner(store);
        var taken = await next.TakeAsync(Request("b"), Cancel);
        await next.Behind;
        slow.Released.SetResult();
        await before.Behind;

        Assert.NotEmpty(slow.Written);
        Assert.Equal(taken.WriteId, await CopiedIdAsync(store));
        var committed = await next.CommitAsync(Ref(4, epochToken: 2), new StageLedger(), Cancel);
        await next.Behind;
        Assert.Equal(committed.WriteId, await CopiedIdAsync(store));
    }

    [Theory]
    [InlineData("damaged")]
    [InlineData("older")]
    [InlineData("gone")]
    public async Task Write_OverACopyThatIsNotNewer_ReplacesIt(string how)
    {
        var store = new MemoryStore();
        var commit = Owner(store);
        var taken = await commit.TakeAsync(Request("a"), Cancel);
        await commit.Behind;
        await (
            how == "gone"
                ? store.TryDeleteAsync(Copy, cancellationToken: Cancel)
                : store.WriteAsync(
                    Copy,
                    how == "damaged" ? "damaged"u8.ToArray() : SealedJson.Serialize(Copy, taken with { Revision = 0 }),
                    Cancel
                )
        );

        var committed = await commit.CommitAsync(Ref(2), new StageLedger(), Cancel);
        await commit.Behind;

        Assert.Equal(committed.WriteId, await CopiedIdAsync(store));
    }

    private static RootCommit Owner(IObjectStore store) =>
        new(new CopyingRootDocument(new RunDocuments(store, Run).Root(Stage), store, Copy), TimeProvider.System);

    private static async Task<string> CopiedIdAsync(MemoryStore store) =>
        SealedJson.Deserialize<StageRoot>(Copy, (await store.TryReadAsync(Copy, Cancel))!.Content.Span).WriteId;

    private sealed class SlowCopies(IObjectStore inner) : DelegatingStore(inner)
    {
        public bool Holds { get; set; }

        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<long> Written { get; } = [];

        public byte[] Last { get; private set; } = [];

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (operation.Kind is not ("create" or "replace" or "write") || operation.Name != Copy)
            {
                return await run();
            }

            Written.Add(SealedJson.Deserialize<StageRoot>(Copy, operation.Content.Span).Revision);
            Last = operation.Content.ToArray();
            if (Holds)
            {
                await Released.Task;
            }

            return await run();
        }
    }
}
