using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Stages;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tests;

public sealed class WatchedStoreTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly Faulty inner = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_WhenItFails_IsTroubleWithTimeAndObjectUntilThatSucceeds()
    {
        var store = new WatchedStore(inner, time);
        inner.Broken = operation => operation.Kind == "write";

        await Assert.ThrowsAsync<StoreException>(() => store.WriteAsync("a/b", new byte[1], Stop));
        time.Advance(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<StoreException>(() => store.WriteAsync("a/b", new byte[1], Stop));
        Assert.Null(await store.TryReadAsync("a/b", Stop));

        var trouble = Assert.Single(store.Troubles);
        Assert.Equal(
            (StoreWork.Write, "a/b", "No space is left.", 2, false),
            (trouble.Work, trouble.ObjectName, trouble.Message, trouble.Times, trouble.IsSlow)
        );
        Assert.Equal(TimeSpan.FromSeconds(10), trouble.At - trouble.Since);

        inner.Broken = _ => false;
        // Another object's success says little of this one, for a while.
        await store.WriteAsync("c", new byte[1], Stop);
        Assert.Single(store.Troubles);
        await store.WriteAsync("a/b", new byte[1], Stop);
        Assert.Empty(store.Troubles);
    }

    /// <summary>A member with a default in the interface would else take that instead of the inner store's own, faster one.</summary>
    [Fact]
    public void Members_OfTheInterface_AreAllPassedOn() =>
        Assert.All(
            typeof(WatchedStore).GetInterfaceMap(typeof(IObjectStore)).TargetMethods,
            method => Assert.Equal(typeof(WatchedStore), method.DeclaringType)
        );

    [Fact]
    public async Task EveryKindOfWork_WhenItFails_IsTroubleOfItsKind()
    {
        var store = new WatchedStore(inner, time);
        inner.Broken = _ => true;

        Func<Task>[] works =
        [
            () => store.TryReadAsync("x", Stop),
            () => store.TryOpenAsync("x", cancellationToken: Stop),
            () => store.TryCreateAsync("x", new byte[1], Stop),
            () => store.TryCreateAsync("x", Stream.Null, Stop),
            () => store.TryReplaceAsync("x", new byte[1], "e", Stop),
            () => store.WriteAsync("x", new byte[1], Stop),
            () => store.TryDeleteAsync("x", cancellationToken: Stop),
            async () => await store.ListAsync("x/", Stop).ToListAsync(Stop),
            async () => await store.ListFoldersAsync("x/", Stop).ToListAsync(Stop),
        ];
        foreach (var work in works)
        {
            await Assert.ThrowsAsync<StoreException>(work);
        }

        Assert.Equal(
            [(StoreWork.Read, 2), (StoreWork.List, 2), (StoreWork.Write, 3), (StoreWork.Upload, 1), (StoreWork.Delete, 1)],
            store.Troubles.OrderBy(trouble => trouble.Work).Select(trouble => (trouble.Work, trouble.Times))
        );
    }

    [Fact]
    public async Task Read_WhenItHangs_IsTroubleWhileItIsUnderWayAndForAWhileAfter()
    {
        var store = new WatchedStore(inner, time);
        var answer = inner.Hold();
        var reading = store.TryReadAsync("runs/r/spec", Stop);
        Assert.Empty(store.Troubles);

        time.Advance(TimeSpan.FromSeconds(8));
        var trouble = Assert.Single(store.Troubles);
        Assert.Equal(
            (StoreWork.Read, "runs/r/spec", "It has been under way for 8 s.", true),
            (trouble.Work, trouble.ObjectName, trouble.Message, trouble.IsSlow)
        );

        answer.SetResult();
        await reading;
        Assert.Equal("It took 8 s.", Assert.Single(store.Troubles).Message);
        time.Advance(TimeSpan.FromMinutes(1));
        await store.TryReadAsync("other", Stop);
        Assert.Empty(store.Troubles);
    }

    [Fact]
    public async Task Trouble_IsNotWhatTheCallerGaveUpOrWhatIsDamaged()
    {
        var store = new WatchedStore(inner, time);
        inner.Error = () => new InvalidDataException("damaged");
        inner.Broken = _ => true;
        await Assert.ThrowsAsync<InvalidDataException>(() => store.TryReadAsync("x", Stop));
        inner.Error = () => new OperationCanceledException();
        await Assert.ThrowsAsync<OperationCanceledException>(() => store.TryReadAsync("x", Stop));

        Assert.Empty(store.Troubles);
    }

    [Fact]
    public void Innermost_IsTheStoreItself()
    {
        var memory = new MemoryStore();
        Assert.Same(memory, new WatchedStore(new WatchedStore(memory, time), time).Innermost);
    }

    [Fact]
    public async Task Capabilities_OfADecoratedStore_AreThoseOfTheStoreItself()
    {
        using var folder = new TemporaryFolder();
        var directory = DirectoryStore.Open(folder["store"]);
        await directory.WriteAsync("x", "here"u8.ToArray(), Stop);
        IObjectStore watched = new WatchedStore(new WatchedStore(directory, time), time);
        IObjectStore remote = new WatchedStore(new FarAway(), time);
        IObjectStore memory = new WatchedStore(new MemoryStore(), time);

        using var file = watched.LocalFiles!.TryOpenFile("x");
        Assert.Equal(4, file!.Length);
        Assert.Null(watched.LocalFiles.TryOpenFile("y"));
        Assert.False(watched.IsRemote);
        Assert.True(remote.IsRemote);
        Assert.Null(remote.LocalFiles);
        Assert.False(memory.IsRemote);
        Assert.Null(memory.LocalFiles);
    }

    private sealed class FarAway() : DelegatingStore(new MemoryStore()), IObjectStore
    {
        bool IObjectStore.IsRemote => true;

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) => run();
    }

    private sealed class Faulty() : DelegatingStore(new MemoryStore())
    {
        private TaskCompletionSource? held;

        public Predicate<Operation> Broken { get; set; } = _ => false;

        public Func<Exception> Error { get; set; } = () => new StoreException(StoreProblem.Full, "No space is left.\nMake some.");

        /// <summary>The next operation waits until that is set.</summary>
        public TaskCompletionSource Hold() => held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (Interlocked.Exchange(ref held, null) is { } until)
            {
                await until.Task;
            }

            return Broken(operation) ? throw Error() : await run();
        }
    }
}
