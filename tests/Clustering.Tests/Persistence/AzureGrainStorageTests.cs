using Slowrun.Storage;
using Slowrun.Storage.Blobs;
using Slowrun.Tests.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

public sealed class AzureGrainStorageTests : GrainStorageContract
{
    protected override async Task<IObjectStore> OpenAsync() =>
        await AzureBlobStore.OpenAsync(Azurite.NewAddress(), create: true, Azurite.ConnectionString(await Azurite.PortAsync()));
}
