using System.Text;
using Azure;
using Polly.Simmy;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Remote;
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
            new RemoteStoreOptions
            {
                Deadline = TimeSpan.FromSeconds(60),
                FirstDelay = TimeSpan.FromMilliseconds(1),
                AroundEachTry = builder => builder.AddChaosFault(0.2, () => new RequestFailedException(503, "Injected.")),
            },
            cancellationToken: Cancel
        );
}

public sealed class AzureBlobStoreFaultTests : RemoteStoreFaultContract
{
    private const string Sas = "SharedAccessSignature=sv=2024-11-04&ss=b&srt=sco&sp=rwdl&se=2030-01-01";

    private readonly string address = Azurite.NewAddress();

    protected override bool KnowsItsOwnWrites => false;

    protected override string UnreachableHint => "Azurite";

    protected override Task<int> StartAsync() => Azurite.PortAsync();

    protected override async Task<IObjectStore> OpenAsync(int port, RemoteStoreOptions options) =>
        await AzureBlobStore.OpenAsync(address, create: true, Azurite.ConnectionString(port), options, cancellationToken: Cancel);

    protected override async Task DeleteBucketAsync()
    {
        var container = BlobAddress.Parse(address).Connect(Azurite.ConnectionString(await Azurite.PortAsync()));
        await container.DeleteAsync(cancellationToken: Cancel);
    }

    [Fact]
    public async Task AnyOperation_WithAWrongKey_FailsAtOnceWithAHintAndWithoutTheKey()
    {
        var key = Convert.ToBase64String(Encoding.UTF8.GetBytes("this is a secret that nobody may see"));
        var credentials =
            $"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};{Endpoint(await Azurite.PortAsync())};";
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
        var credentials = $"{Endpoint(await Azurite.PortAsync())};{Sas}&sig={Signature}";

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
        var credentials = $"{Endpoint(Proxy.Port)};{Sas}&sig={Signature}";
        Proxy.Always = ProxyFault.Denied;

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(address, create: true, credentials, Options, cancellationToken: Cancel)
        );

        Assert.Equal((StoreProblem.Denied, 1), (e.Problem, Proxy.Struck));
        Assert.DoesNotContain(Signature, e.ToString(), StringComparison.Ordinal);
        Assert.Contains("403 AuthenticationFailed", e.ToString(), StringComparison.Ordinal);
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

    private static string Endpoint(int port) => $"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1";
}
