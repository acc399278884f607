using Slowrun.Storage;
using Slowrun.Storage.Gcs;
using Slowrun.Tests.Gcs;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class GcsMembershipTableTests : MembershipTableContract
{
    private readonly FakeGcs server = new();

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    protected override async Task<IObjectStore> OpenAsync() => await GcsStore.OpenAsync(server.NewAddress(), server.Endpoint());
}
