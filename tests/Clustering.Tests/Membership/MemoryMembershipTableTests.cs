using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Membership;

public sealed class MemoryMembershipTableTests : MembershipTableContract
{
    protected override Task<IObjectStore> OpenAsync() => Task.FromResult<IObjectStore>(new MemoryStore());
}
