using System.Text;
using Amazon.Runtime;
using Slowrun.Core.Stages;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.S3;
using Slowrun.Storage.Tests.Checkpoints;
using Slowrun.Tests.S3;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>What a bad network does to single operations on S3, and what no network mends.</summary>
public sealed class S3StoreFaultTests : IAsyncLifetime
{
    private readonly FakeS3 server = new();
    private FaultyProxy proxy = null!;
    private string address = null!;
    private S3Store store = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

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
        proxy = new FaultyProxy(server.Port);
        address = server.NewAddress(proxy.Port);
        store = await S3Store.OpenAsync(address, create: true, S3StoreTests.Credentials, Options, cancellationToken: Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await proxy.DisposeAsync();
        await server.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task AnyOperation_WhenOneRequestIsSpoilt_SucceedsAllTheSame(string name)
    {
        var fault = Enum.Parse<ProxyFault>(name);
        var big = new byte[300_000];
        new Random(1).NextBytes(big);

        proxy.Next(fault);
        // Where the answer was lost, the second try finds the first one's object, and knows it by its write.
        var etag = await store.TryCreateAsync("small", Encoding.UTF8.GetBytes("one"), Cancel);
        Assert.NotNull(etag);
        proxy.Next(fault);
        Assert.Equal("one", Encoding.UTF8.GetString((await store.TryReadAsync("small", Cancel))!.Content.Span));
        if (fault == ProxyFault.Silent)
        {
            // Each of these lasts a whole time-out.
            return;
        }

        proxy.Next(fault);
        etag = await store.TryReplaceAsync("small", Encoding.UTF8.GetBytes("two"), etag, Cancel);
        Assert.NotNull(etag);
        proxy.Next(fault);
        Assert.True(await store.TryCreateAsync("big", new MemoryStream(big), Cancel));
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
        await store.TryDeleteAsync("small", etag, Cancel);
        Assert.Null(await store.TryReadAsync("small", Cancel));
        Assert.Equal(8, proxy.Struck);
    }

    [Fact]
    public async Task Commit_WhenTheAnswerOfTheRootsWriteIsLost_RecognisesItsOwnWrite()
    {
        var commit = new RootCommit(new StoreRootDocument(store, "runs/demo/chain0/stage1/root"), TimeProvider.System);
        await commit.TakeAsync(Examples.Request("a"), Cancel);
        // The look before the write, and the write.
        proxy.Next(ProxyFault.AnswerLost, ProxyFault.AnswerLost);

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
        await store.WriteAsync("big", new byte[1_000_001], Cancel);

        await Assert.ThrowsAsync<InvalidDataException>(async () => await stream!.ReadExactlyAsync(new byte[1_000_000], Cancel));
    }

    [Fact]
    public async Task AnyOperation_WithAWrongKey_FailsAtOnceWithAHintAndWithoutTheKey()
    {
        const string Secret = "a-secret-that-nobody-may-see";

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            S3Store.OpenAsync(address, create: true, new BasicAWSCredentials("AKIDOTHER", Secret), Options, cancellationToken: Cancel)
        );

        Assert.Equal(StoreProblem.Denied, e.Problem);
        Assert.Contains("403 InvalidAccessKeyId", e.Message, StringComparison.Ordinal);
        Assert.Contains("s3:PutObject", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnyOperation_WhenNobodyListens_SaysUnreachableByTheDeadline()
    {
        var e = await Assert.ThrowsAsync<StoreException>(() =>
            S3Store.OpenAsync(
                server.NewAddress(port: 1),
                create: true,
                S3StoreTests.Credentials,
                Options with
                {
                    Deadline = TimeSpan.FromSeconds(1),
                },
                cancellationToken: Cancel
            )
        );

        Assert.Equal(StoreProblem.Unreachable, e.Problem);
        Assert.Contains("Is the server at http://127.0.0.1:1/ running?", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TryRead_WhenTheBucketVanished_ThrowsInsteadOfFindingNothing()
    {
        server.DeleteBucket(S3Address.Parse(address).Bucket);

        Assert.Equal(StoreProblem.Missing, (await Assert.ThrowsAsync<StoreException>(() => store.TryReadAsync("a", Cancel))).Problem);
        Assert.Equal(
            StoreProblem.Missing,
            (await Assert.ThrowsAsync<StoreException>(() => store.WriteAsync("a", new byte[1], Cancel))).Problem
        );
    }

    [Theory]
    [InlineData("s3://")]
    [InlineData("s3://Bucket")]
    [InlineData("s3://b")]
    [InlineData("s3://bucket//folder")]
    [InlineData("s3://bucket/a b")]
    [InlineData("s3://bucket/../other")]
    [InlineData("s3://bucket/p?secret=c2VjcmV0")]
    [InlineData("s3://bucket/p?endpoint=ftp://host&region=eu-central-1")]
    [InlineData("s3://bucket/p?endpoint=http://key:c2VjcmV0@host")]
    [InlineData("s3://bucket/p?region=EU%20central")]
    [InlineData("s3://AKIA:c2VjcmV0@bucket/prefix")]
    [InlineData("s3://AKIA:c2Vj?c2VjcmV0@bucket/prefix")]
    public async Task Open_OfAnAddressThatIsNone_SaysWhatOneLooksLikeWithoutSecrets(string wrong)
    {
        var e = await Assert.ThrowsAsync<StoreException>(() => StoreAddress.OpenAsync(wrong, create: true, cancellationToken: Cancel));

        Assert.Equal(StoreProblem.Unsuitable, e.Problem);
        Assert.Contains("s3://BUCKET/PREFIX", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3://bucket", "s3://bucket")]
    [InlineData("s3://bucket/", "s3://bucket")]
    [InlineData("s3://bucket/a/b-c/", "s3://bucket/a/b-c")]
    [InlineData("s3://bucket/a?region=eu-north-1", "s3://bucket/a?region=eu-north-1")]
    [InlineData(
        "s3://bucket/a?region=eu-north-1&endpoint=http://127.0.0.1:9000/",
        "s3://bucket/a?endpoint=http://127.0.0.1:9000&region=eu-north-1"
    )]
    public void Address_OfAStore_IsReadAndWrittenAgain(string given, string shown)
    {
        var address = S3Address.Parse(given);

        Assert.Equal(shown, address.ToString());
        Assert.Equal(address, S3Address.Parse(shown));
    }
}
