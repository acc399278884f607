using System.Text;
using Azure;
using Polly.Simmy;
using Slowrun.Core.Stages;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Tests.Checkpoints;
using Slowrun.Tests.Storage;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>The contract again, while every fifth request fails before it is sent.</summary>
public sealed class AzureBlobStoreWithChaosTests : ObjectStoreContract
{
    protected override async Task<IObjectStore> OpenAsync() =>
        await AzureBlobStore.OpenAsync(
            Azurite.NewAddress(),
            create: true,
            Azurite.ConnectionString(await Azurite.PortAsync()),
            new BlobStoreOptions
            {
                Deadline = TimeSpan.FromSeconds(60),
                FirstDelay = TimeSpan.FromMilliseconds(1),
                AroundEachTry = builder => builder.AddChaosFault(0.2, () => new RequestFailedException(503, "Injected.")),
            },
            cancellationToken: Cancel
        );
}

/// <summary>What a bad network does to single operations, and what no network mends.</summary>
public sealed class AzureBlobStoreFaultTests : IAsyncLifetime
{
    private readonly string address = Azurite.NewAddress();
    private FaultyProxy proxy = null!;
    private AzureBlobStore store = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // Longer than a proxied try takes on a busy machine, and short enough to wait for once.
    private static BlobStoreOptions Options =>
        new()
        {
            Deadline = TimeSpan.FromSeconds(60),
            EachTry = TimeSpan.FromSeconds(3),
            FirstDelay = TimeSpan.FromMilliseconds(10),
            BlockBytes = 64 << 10,
        };

    public static TheoryData<string> Faults() => [.. Enum.GetNames<ProxyFault>().Except([nameof(ProxyFault.Denied)])];

    public async ValueTask InitializeAsync()
    {
        proxy = new FaultyProxy(await Azurite.PortAsync());
        store = await AzureBlobStore.OpenAsync(
            address,
            create: true,
            Azurite.ConnectionString(proxy.Port),
            Options,
            cancellationToken: Cancel
        );
    }

    public ValueTask DisposeAsync() => proxy.DisposeAsync();

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task AnyOperation_WhenOneRequestIsSpoilt_SucceedsAllTheSame(string name)
    {
        var fault = Enum.Parse<ProxyFault>(name);
        var big = new byte[300_000];
        new Random(1).NextBytes(big);

        proxy.Next(fault);
        await store.WriteAsync("small", Encoding.UTF8.GetBytes("one"), Cancel);
        proxy.Next(fault);
        var found = (await store.TryReadAsync("small", Cancel))!;
        Assert.Equal("one", Encoding.UTF8.GetString(found.Content.Span));
        if (fault == ProxyFault.Silent)
        {
            // Each of these lasts a whole time-out.
            return;
        }

        proxy.Next(fault);
        // Where the answer was lost, the second try finds the first one's blob: false, and the content is ours.
        Assert.True(
            await store.TryCreateAsync("big", new MemoryStream(big), Cancel)
                || fault is ProxyFault.AnswerLost or ProxyFault.AnswerCut or ProxyFault.AnswerShort
        );
        proxy.Next(fault);
        await using (var stream = await store.TryOpenAsync("big", cancellationToken: Cancel))
        {
            proxy.Next(fault);
            var read = new byte[big.Length];
            await stream!.ReadExactlyAsync(read, Cancel);
            Assert.True(big.AsSpan().SequenceEqual(read));
        }

        proxy.Next(fault);
        Assert.Equal(["big", "small"], await store.ListAsync("", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel));
        proxy.Next(fault);
        await store.TryDeleteAsync("small", found.ETag, Cancel);
        Assert.Null(await store.TryReadAsync("small", Cancel));
        Assert.Equal(7, proxy.Struck);
    }

    [Fact]
    public async Task Commit_WhenTheAnswerOfTheRootsWriteIsLost_RecognisesItsOwnWriteId()
    {
        var commit = new RootCommit(new StoreRootDocument(store, "runs/demo/chain0/stage1/root"), TimeProvider.System);
        proxy.Next(ProxyFault.AnswerLost);
        await commit.TakeAsync(Examples.Request("a"), Cancel);
        // The read before the take was spoilt; from here on it is the writes.
        proxy.Next(ProxyFault.AnswerLost);

        var root = await commit.CommitAsync(Examples.Ref(2), new StageLedger(), Cancel);

        Assert.Equal(2, proxy.Struck);
        Assert.Equal((1L, 2), (root.EpochToken, root.DurableStep));
        Assert.Equal(root.WriteId, (await new StoreRootDocument(store, "runs/demo/chain0/stage1/root").ReadAsync(Cancel))!.WriteId);
    }

    [Fact]
    public async Task TryOpen_WhenReplacedWhileItIsRead_Throws()
    {
        await store.WriteAsync("big", new byte[1_000_000], Cancel);
        await using var stream = await store.TryOpenAsync("big", cancellationToken: Cancel);
        await store.WriteAsync("big", new byte[1_000_000], Cancel);

        await Assert.ThrowsAsync<InvalidDataException>(async () => await stream!.ReadExactlyAsync(new byte[1_000_000], Cancel));
    }

    [Fact]
    public async Task AnyOperation_WithAWrongKey_FailsAtOnceWithAHintAndWithoutTheKey()
    {
        var key = Convert.ToBase64String(Encoding.UTF8.GetBytes("this is a secret that nobody may see"));
        var credentials =
            $"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};BlobEndpoint=http://127.0.0.1:{await Azurite.PortAsync()}/devstoreaccount1;";
        var tries = 0;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(address, create: true, credentials, Counted(() => tries++), cancellationToken: Cancel)
        );

        Assert.Equal((StoreProblem.Denied, 1), (e.Problem, tries));
        Assert.Contains("Storage Blob Data Contributor", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(key, e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyOperation_WithASasThatIsRefused_ShowsNoSignature()
    {
        const string Signature = "c2VjcmV0LXNpZ25hdHVyZQ";
        var credentials =
            $"BlobEndpoint=http://127.0.0.1:{await Azurite.PortAsync()}/devstoreaccount1;SharedAccessSignature=sv=2024-11-04&ss=b&srt=sco&sp=rwdl&se=2030-01-01&sig={Signature}";

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(address, create: true, credentials, Options, cancellationToken: Cancel)
        );

        Assert.Equal(StoreProblem.Denied, e.Problem);
        Assert.DoesNotContain(Signature, e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyOperation_WhenTheRefusalQuotesTheRequest_ShowsNoSignatureAndTriesOnce()
    {
        const string Signature = "c2VjcmV0LXNpZ25hdHVyZQ";
        var credentials =
            $"BlobEndpoint=http://127.0.0.1:{proxy.Port}/devstoreaccount1;SharedAccessSignature=sv=2024-11-04&ss=b&srt=sco&sp=rwdl&se=2030-01-01&sig={Signature}";
        proxy.Always = ProxyFault.Denied;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(address, create: true, credentials, Options, cancellationToken: Cancel)
        );

        Assert.Equal((StoreProblem.Denied, 1), (e.Problem, proxy.Struck));
        Assert.DoesNotContain(Signature, e.ToString(), StringComparison.Ordinal);
        Assert.Contains("403 AuthenticationFailed", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyOperation_WhenNobodyListens_SaysUnreachableByTheDeadline()
    {
        var credentials = Azurite.ConnectionString(port: 1);
        var tries = 0;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(
                address,
                create: true,
                credentials,
                Counted(() => tries++) with
                {
                    Deadline = TimeSpan.FromSeconds(1),
                },
                cancellationToken: Cancel
            )
        );

        Assert.Equal(StoreProblem.Unreachable, e.Problem);
        Assert.Contains("Azurite", e.Message, StringComparison.Ordinal);
        Assert.InRange(tries, 2, 1_000);
    }

    [Fact]
    public async Task TryRead_WhenTheContainerVanished_ThrowsInsteadOfFindingNothing()
    {
        var container = BlobAddress.Parse(address).Connect(Azurite.ConnectionString(await Azurite.PortAsync()));
        await container.DeleteAsync(cancellationToken: Cancel);

        Assert.Equal(StoreProblem.Missing, (await Assert.ThrowsAsync<StoreException>(() => store.TryReadAsync("a", Cancel))).Problem);
        Assert.Equal(
            StoreProblem.Missing,
            (await Assert.ThrowsAsync<StoreException>(() => store.WriteAsync("a", new byte[1], Cancel))).Problem
        );
    }

    [Theory]
    [InlineData("azblob://")]
    [InlineData("azblob://account")]
    [InlineData("azblob://account/Container")]
    [InlineData("azblob://account/co--ntainer")]
    [InlineData("azblob://account/container/folder")]
    [InlineData("azblob://account/container?sv=1&sig=c2VjcmV0")]
    [InlineData("https://account.blob.core.windows.net/container?sig=c2VjcmV0")]
    public async Task Open_OfAnAddressThatIsNone_SaysWhatOneLooksLikeWithoutSecrets(string wrong)
    {
        var e = await Assert.ThrowsAsync<StoreException>(() => StoreAddress.OpenAsync(wrong, create: true, cancellationToken: Cancel));

        Assert.Equal(StoreProblem.Unsuitable, e.Problem);
        Assert.Contains("azblob://ACCOUNT/CONTAINER", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithTheConnectionStringOfAnotherAccount_SaysWhose()
    {
        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(
                "azblob://another/container",
                create: true,
                Azurite.ConnectionString(1),
                Options,
                cancellationToken: Cancel
            )
        );

        Assert.Contains("devstoreaccount1", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Eby8", e.ToString(), StringComparison.Ordinal);
    }

    private static BlobStoreOptions Counted(Action each) =>
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
}
