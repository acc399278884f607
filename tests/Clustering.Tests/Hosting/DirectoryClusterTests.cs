using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Clustering.Tests.Hosting;

public sealed class DirectoryClusterTests : ClusterTests
{
    private readonly TemporaryFolder folder = new();

    public override ValueTask DisposeAsync()
    {
        folder.Dispose();
        return base.DisposeAsync();
    }

    protected override Task<IObjectStore> OpenAsync() => StoreAddress.OpenAsync(folder.Path, create: true);
}
