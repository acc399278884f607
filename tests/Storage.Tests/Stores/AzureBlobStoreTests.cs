using Slowrun.Storage.Blobs;
using Slowrun.Storage.Remote;
using Slowrun.Tests.Storage;

namespace Slowrun.Storage.Tests.Stores;

public sealed class AzureBlobStoreTests : ObjectStoreContract
{
    private readonly string address = Azurite.NewAddress();

    protected override async Task<IObjectStore> OpenAsync() =>
        await AzureBlobStore.OpenAsync(
            address,
            create: true,
            Azurite.ConnectionString(await Azurite.PortAsync()),
            new RemoteStoreOptions { Deadline = TimeSpan.FromSeconds(30) },
            cancellationToken: Cancel
        );

    [Fact]
    public async Task Open_WhenTheContainerIsMissingAndNotToBeCreated_SaysSo()
    {
        var missing = Azurite.NewAddress();
        var credentials = Azurite.ConnectionString(await Azurite.PortAsync());

        var e = await Assert.ThrowsAsync<StoreException>(() =>
            AzureBlobStore.OpenAsync(missing, create: false, credentials, cancellationToken: Cancel)
        );

        Assert.Equal(StoreProblem.Missing, e.Problem);
        Assert.Contains(missing, e.Message, StringComparison.Ordinal);
    }
}
