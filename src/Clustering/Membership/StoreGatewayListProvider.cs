using Orleans.Messaging;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>Tells clients which silos they can connect to: the active rows of the membership document.</summary>
/// <param name="maxStaleness">How old Orleans may let the list become before it asks again.</param>
public sealed class StoreGatewayListProvider(IObjectStore store, TimeSpan maxStaleness) : IGatewayListProvider
{
    private readonly MembershipFile file = new(store);

    public TimeSpan MaxStaleness => maxStaleness;

    [Obsolete("Orleans calls it still, and will not in a later version.")]
    public bool IsUpdatable => true;

    public Task InitializeGatewayListProviderAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public async Task<IList<Uri>> GetGatewaysAsync(CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        return
        [
            .. document.Rows.Where(row => row.SiloStatus() == SiloStatus.Active && row.ProxyPort > 0).Select(row =>
            {
                var silo = SiloAddress.FromParsableString(row.Silo);
                return SiloAddress.New(silo.Endpoint.Address, row.ProxyPort, silo.Generation).ToGatewayUri();
            }),
        ];
    }

    Task IGatewayListProvider.InitializeGatewayListProvider() => InitializeGatewayListProviderAsync();

    Task<IList<Uri>> IGatewayListProvider.GetGateways() => GetGatewaysAsync();
}
