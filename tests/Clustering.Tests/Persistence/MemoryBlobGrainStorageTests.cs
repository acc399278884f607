using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Persistence;

public sealed class MemoryBlobGrainStorageTests : BlobGrainStorageContract
{
    protected override Task<IObjectStore> OpenAsync() => Task.FromResult<IObjectStore>(new MemoryStore());
}
