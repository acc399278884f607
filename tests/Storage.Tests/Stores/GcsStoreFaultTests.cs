using Google.Apis.Auth.OAuth2;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Gcs;
using Slowrun.Storage.Remote;
using Slowrun.Tests.Gcs;

namespace Slowrun.Storage.Tests.Stores;

public sealed class GcsStoreFaultTests : RemoteStoreFaultContract
{
    private readonly FakeGcs server = new();
    private readonly string address;

    public GcsStoreFaultTests() => address = server.NewAddress();

    protected override string UnreachableHint => "Is the server at http://127.0.0.1:";

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    protected override Task<int> StartAsync() => Task.FromResult(server.Port);

    protected override async Task<IObjectStore> OpenAsync(int port, RemoteStoreOptions options) =>
        await GcsStore.OpenAsync(address, server.Endpoint(port), options: options, cancellationToken: Cancel);

    protected override Task DeleteBucketAsync()
    {
        server.DeleteBucket(GcsAddress.Parse(address).Bucket);
        return Task.CompletedTask;
    }

    /// <summary>The first piece of an upload, one in its midst, and the last one, whose answer tells that the object is made.</summary>
    [Theory]
    [InlineData(256 << 10, nameof(ProxyFault.AnswerLost))]
    [InlineData(512 << 10, nameof(ProxyFault.AnswerLost))]
    [InlineData(600_000, nameof(ProxyFault.AnswerLost))]
    [InlineData(256 << 10, nameof(ProxyFault.Reset))]
    [InlineData(600_000, nameof(ProxyFault.Busy))]
    public async Task TryCreate_WhenAPieceIsSpoilt_GoesOnWhereTheServerStands(int place, string name)
    {
        var big = new byte[600_000];
        new Random(2).NextBytes(big);
        // The next block is read before a piece is sent.
        var content = new EventfulStream(big, place, () => Proxy.Next(Enum.Parse<ProxyFault>(name)));

        Assert.True(await Store.TryCreateAsync("big", content, Cancel));

        Assert.Equal(1, Proxy.Struck);
        Assert.Equal(big, (await Store.TryReadAsync("big", Cancel))!.Content.ToArray());
    }

    [Fact]
    public async Task TryCreate_WhenTheAnswerToTheLastPieceIsLostAndItsSessionForgotten_FindsItsOwnObject()
    {
        server.ForgetsMade = true;
        var content = new EventfulStream(new byte[600_000], 600_000, () => Proxy.Next(ProxyFault.AnswerLost));

        Assert.True(await Store.TryCreateAsync("big", content, Cancel));

        Assert.Equal(1, Proxy.Struck);
        Assert.False(await Store.TryCreateAsync("big", new MemoryStream(new byte[600_000]), Cancel));
    }

    [Fact]
    public async Task AnyOperation_WithACredentialThatMayNot_FailsAtOnceWithAHintAndWithoutTheToken()
    {
        const string Secret = "ya29.a-secret-that-nobody-may-see";
        await using var strict = new FakeGcs { Token = "ya29.right" };
        var tries = 0;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            GcsStore.OpenAsync(
                strict.NewAddress(),
                strict.Endpoint(),
                GoogleCredential.FromAccessToken(Secret),
                Counted(() => tries++),
                cancellationToken: Cancel
            )
        );

        Assert.Equal((StoreProblem.Denied, 1), (e.Problem, tries));
        Assert.Contains(
            "403 robot@project.iam.gserviceaccount.com does not have storage.objects.list",
            e.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("roles/storage.objectUser", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EachRequest_WithACredential_CarriesIt()
    {
        await using var strict = new FakeGcs { Token = "ya29.right" };
        var opened = await GcsStore.OpenAsync(
            strict.NewAddress(),
            strict.Endpoint(),
            GoogleCredential.FromAccessToken("ya29.right"),
            Options,
            cancellationToken: Cancel
        );

        Assert.True(await opened.TryCreateAsync("big", new MemoryStream(new byte[600_000]), Cancel));
        var etag = await opened.TryCreateAsync("small", new byte[3], Cancel);
        Assert.Equal(3, (await opened.TryReadAsync("small", Cancel))!.Content.Length);
        Assert.True(await opened.TryDeleteAsync("small", etag, Cancel));
        Assert.Single(await opened.ListAsync("", Cancel).ToArrayAsync(Cancel));
    }

    [Theory]
    [InlineData("gs://")]
    [InlineData("gs://Bucket")]
    [InlineData("gs://b")]
    [InlineData("gs://bucket//folder")]
    [InlineData("gs://bucket/a b")]
    [InlineData("gs://bucket/../other")]
    [InlineData("gs://bucket/p?secret=c2VjcmV0")]
    [InlineData("gs://key:c2VjcmV0@bucket/prefix")]
    public async Task Open_OfAnAddressThatIsNone_SaysWhatOneLooksLikeWithoutSecrets(string wrong)
    {
        var e = await Assert.ThrowsAsync<StoreException>(() => StoreAddress.OpenAsync(wrong, create: true, cancellationToken: Cancel));

        Assert.Equal(StoreProblem.Unsuitable, e.Problem);
        Assert.Contains("gs://BUCKET/PREFIX", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gs://bucket", "gs://bucket")]
    [InlineData("gs://bucket/", "gs://bucket")]
    [InlineData("gs://my_bucket.org/a/b-c/", "gs://my_bucket.org/a/b-c")]
    public void Address_OfAStore_IsReadAndWrittenAgain(string given, string shown)
    {
        var parsed = GcsAddress.Parse(given);

        Assert.Equal(shown, parsed.ToString());
        Assert.Equal(parsed, GcsAddress.Parse(shown));
    }

    [Theory]
    [InlineData("", "AAAAAA==")]
    [InlineData("123456789", "4waSgw==")]
    public void Crc32C_OfKnownContent_IsTheKnownOne(string content, string sum) =>
        Assert.Equal(sum, Crc32C.Of(System.Text.Encoding.ASCII.GetBytes(content)));
}
