using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

public sealed class MemoryClusterTests : ClusterTests
{
    protected override Task<IObjectStore> OpenAsync() => Task.FromResult<IObjectStore>(new MemoryStore());
}
