using Amazon.Runtime;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Remote;
using Slowrun.Storage.S3;
using Slowrun.Tests.S3;

namespace Slowrun.Storage.Tests.Stores;

public sealed class S3StoreFaultTests : RemoteStoreFaultContract
{
    private readonly FakeS3 server = new();
    private readonly string bucket = $"t{Guid.NewGuid():N}";

    protected override string UnreachableHint => "Is the server at http://127.0.0.1:1/ running?";

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    protected override Task<int> StartAsync() => Task.FromResult(server.Port);

    protected override async Task<IObjectStore> OpenAsync(int port, RemoteStoreOptions options) =>
        await S3Store.OpenAsync(
            server.Address($"{bucket}/store", port),
            create: true,
            S3StoreTests.Credentials,
            options,
            cancellationToken: Cancel
        );

    protected override Task DeleteBucketAsync()
    {
        server.DeleteBucket(bucket);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task AnyOperation_WithAWrongKey_FailsAtOnceWithAHintAndWithoutTheKey()
    {
        const string Secret = "a-secret-that-nobody-may-see";

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            S3Store.OpenAsync(
                server.Address($"{bucket}/store"),
                create: true,
                new BasicAWSCredentials("AKIDOTHER", Secret),
                Options,
                cancellationToken: Cancel
            )
        );

        Assert.Equal(StoreProblem.Denied, e.Problem);
        Assert.Contains("403 InvalidAccessKeyId", e.Message, StringComparison.Ordinal);
        Assert.Contains("s3:PutObject", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, e.ToString(), StringComparison.Ordinal);
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
