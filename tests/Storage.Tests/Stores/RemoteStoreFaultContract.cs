using System.Text;
using Polly.Simmy;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Remote;
using Slowrun.Storage.Tests.Checkpoints;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>What a bad network does to single operations, and what no network mends; one subclass per store that is far away.</summary>
public abstract class RemoteStoreFaultContract : IAsyncLifetime
{
    internal FaultyProxy Proxy { get; private set; } = null!;

    protected IObjectStore Store { get; private set; } = null!;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // Longer than a proxied try takes on a busy machine, and short enough to wait for once.
    internal static RemoteStoreOptions Options =>
        new()
        {
            Deadline = TimeSpan.FromSeconds(60),
            EachTry = TimeSpan.FromSeconds(3),
            FirstDelay = TimeSpan.FromMilliseconds(10),
            BlockBytes = 256 << 10,
        };

    /// <summary>Whether a create or replace whose answer was lost is known as the store's own. Otherwise it says that it found
    /// one.</summary>
    protected virtual bool KnowsItsOwnWrites => true;

    /// <summary>What a user is asked when no server listens at port 1.</summary>
    protected abstract string UnreachableHint { get; }

    public static TheoryData<string> Faults() => [.. Enum.GetNames<ProxyFault>().Except([nameof(ProxyFault.Denied)])];

    public async ValueTask InitializeAsync()
    {
        Proxy = new FaultyProxy(await StartAsync());
        Store = await OpenAsync(Proxy.Port, Options);
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Proxy.DisposeAsync();
    }

    /// <summary>Starts the server; its port.</summary>
    protected abstract Task<int> StartAsync();

    /// <summary>Opens the store of this test by a port.</summary>
    protected abstract Task<IObjectStore> OpenAsync(int port, RemoteStoreOptions options);

    /// <summary>Deletes the bucket or container that the store of this test is in.</summary>
    protected abstract Task DeleteBucketAsync();

    internal static RemoteStoreOptions Counted(Action each) =>
        Options with
        {
            AroundEachTry = builder =>
                builder.AddChaosBehavior(
                    1,
                    _ =>
                    {
                        each();
                        return ValueTask.CompletedTask;
                    }
                ),
        };

    [Theory]
    [MemberData(nameof(Faults), MemberType = typeof(RemoteStoreFaultContract))]
    public async Task AnyOperation_WhenOneRequestIsSpoilt_SucceedsAllTheSame(string name)
    {
        var fault = Enum.Parse<ProxyFault>(name);
        var known = KnowsItsOwnWrites || fault is not (ProxyFault.AnswerLost or ProxyFault.AnswerCut or ProxyFault.AnswerShort);
        var big = new byte[600_000];
        new Random(1).NextBytes(big);

        Proxy.Next(fault);
        // Where the answer was lost, the second try finds the first one's object.
        var etag = await Store.TryCreateAsync("small", Encoding.UTF8.GetBytes("one"), Cancel);
        Assert.True(etag is not null || !known);
        Proxy.Next(fault);
        var found = (await Store.TryReadAsync("small", Cancel))!;
        Assert.Equal("one", Encoding.UTF8.GetString(found.Content.Span));
        if (fault == ProxyFault.Silent)
        {
            // Each of these lasts a whole time-out.
            return;
        }

        Proxy.Next(fault);
        etag = await Store.TryReplaceAsync("small", Encoding.UTF8.GetBytes("two"), found.ETag, Cancel);
        Assert.True(etag is not null || !known);
        Proxy.Next(fault);
        // An answer that is cut may be that of a later request of the connection, the one that completes it.
        Assert.True(await Store.TryCreateAsync("big", new MemoryStream(big), Cancel) || !known);
        Proxy.Next(fault);
        await using (var stream = await Store.TryOpenAsync("big", cancellationToken: Cancel))
        {
            Proxy.Next(fault);
            var read = new byte[big.Length];
            await stream!.ReadExactlyAsync(read, Cancel);
            Assert.True(big.AsSpan().SequenceEqual(read));
        }

        Proxy.Next(fault);
        Assert.Equal(["big", "small"], await Store.ListAsync("", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel));
        etag ??= (await Store.TryReadAsync("small", Cancel))!.ETag;
        Proxy.Next(fault);
        await Store.TryDeleteAsync("small", etag, Cancel);
        Assert.Null(await Store.TryReadAsync("small", Cancel));
        Assert.Equal(8, Proxy.Struck);
    }

    [Fact]
    public async Task Commit_WhenTheAnswerOfTheRootsWriteIsLost_RecognisesItsOwnWrite()
    {
        var commit = new RootCommit(new StoreRootDocument(Store, "runs/demo/chain0/stage1/root"), TimeProvider.System);
        await commit.TakeAsync(Examples.Request("a"), Cancel);
        // Two, for where there is a look before the write.
        Proxy.Next(ProxyFault.AnswerLost, ProxyFault.AnswerLost);

        var root = await commit.CommitAsync(Examples.Ref(2), new StageLedger(), Cancel);

        Assert.Equal(2, Proxy.Struck);
        Assert.Equal((1L, 2), (root.EpochToken, root.DurableStep));
        Assert.Equal(root.WriteId, (await new StoreRootDocument(Store, "runs/demo/chain0/stage1/root").ReadAsync(Cancel))!.WriteId);
    }

    [Fact]
    public async Task TryOpen_WhenReplacedWhileItIsRead_Throws()
    {
        await Store.WriteAsync("big", new byte[3_000_000], Cancel);
        await using var stream = await Store.TryOpenAsync("big", cancellationToken: Cancel);
        await Store.WriteAsync("big", new byte[3_000_001], Cancel);

        await Assert.ThrowsAsync<InvalidDataException>(async () => await stream!.ReadExactlyAsync(new byte[3_000_000], Cancel));
    }

    [Fact]
    public async Task AnyOperation_WhenNobodyListens_SaysUnreachableByTheDeadline()
    {
        var tries = 0;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            OpenAsync(port: 1, Counted(() => tries++) with { Deadline = TimeSpan.FromSeconds(1) })
        );

        Assert.Equal(StoreProblem.Unreachable, e.Problem);
        Assert.Contains(UnreachableHint, e.Message, StringComparison.Ordinal);
        Assert.InRange(tries, 2, 1_000);
    }

    [Fact]
    public async Task TryRead_WhenTheBucketVanished_ThrowsInsteadOfFindingNothing()
    {
        await DeleteBucketAsync();

        Assert.Equal(StoreProblem.Missing, (await Assert.ThrowsAsync<StoreException>(() => Store.TryReadAsync("a", Cancel))).Problem);
        Assert.Equal(
            StoreProblem.Missing,
            (await Assert.ThrowsAsync<StoreException>(() => Store.WriteAsync("a", new byte[1], Cancel))).Problem
        );
    }
}
