using Slowrun.Storage.Addresses;

namespace Slowrun.Storage.Tests.Stores;

public sealed class MemoryStoreTests : ObjectStoreContract
{
    protected override Task<IObjectStore> OpenAsync() => StoreAddress.OpenAsync("memory:", create: true, cancellationToken: Cancel);
}
