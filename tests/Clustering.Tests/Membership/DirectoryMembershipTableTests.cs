using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class DirectoryMembershipTableTests : MembershipTableContract
{
    private readonly TemporaryFolder folder = new();

    public override ValueTask DisposeAsync()
    {
        folder.Dispose();
        return base.DisposeAsync();
    }

    protected override Task<IObjectStore> OpenAsync() => StoreAddress.OpenAsync(folder.Path, create: true);
}
