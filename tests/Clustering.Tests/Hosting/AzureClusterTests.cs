using Orleans.Storage;
using Slowrun.Storage;
using Slowrun.Storage.Blobs;
using Slowrun.Tests.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

public sealed class AzureClusterTests : ClusterTests
{
    protected override Type GrainStorage => typeof(AzureBlobGrainStorage);

    protected override async Task<IObjectStore> OpenAsync() =>
        await AzureBlobStore.OpenAsync(Azurite.NewAddress(), create: true, Azurite.ConnectionString(await Azurite.PortAsync()));
}
