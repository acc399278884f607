using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

public sealed class MemoryGrainStorageTests : GrainStorageContract
{
    protected override Task<IObjectStore> OpenAsync() => Task.FromResult<IObjectStore>(new MemoryStore());
}
