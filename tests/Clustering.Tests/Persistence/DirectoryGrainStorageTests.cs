using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Clustering.Tests.Persistence;

public sealed class DirectoryGrainStorageTests : GrainStorageContract
{
    private readonly TemporaryFolder folder = new();

    public override ValueTask DisposeAsync()
    {
        folder.Dispose();
        return base.DisposeAsync();
    }

    protected override Task<IObjectStore> OpenAsync() => StoreAddress.OpenAsync(folder.Path, create: true);
}
