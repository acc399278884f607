using Orleans.Messaging;
using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// The silos that clients can connect to: the active rows of the membership document that have a gateway, without those of this machine
/// whose process is gone. Old heartbeats do not count: the client's clock may be wrong, and a connection that fails is tried elsewhere.
/// </summary>
/// <param name="maxStaleness">For how long a gateway that could not be reached is left out.</param>
public sealed class StoreGatewayListProvider(IObjectStore store, TimeSpan maxStaleness) : IGatewayListProvider
{
    private readonly MembershipFile file = new(store);

    public TimeSpan MaxStaleness => maxStaleness;

    [Obsolete("Orleans no longer asks.")]
    public bool IsUpdatable => true;

    public Task InitializeGatewayListProviderAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    /// <returns><c>gwy.tcp://IP:port/generation</c> of every gateway.</returns>
    public async Task<IList<Uri>> GetGatewaysAsync(CancellationToken cancellationToken = default)
    {
        var document = await file.ReadAsync(cancellationToken).ConfigureAwait(false);
        return
        [
            .. document
                .Rows.Where(row => row.Status == SiloStatus.Active && row.ProxyPort > 0 && row.Process?.IsGone() is not true)
                .Select(row =>
                {
                    var silo = row.Address;
                    return SiloAddress.New(silo.Endpoint.Address, row.ProxyPort, silo.Generation).ToGatewayUri();
                }),
        ];
    }

    Task IGatewayListProvider.InitializeGatewayListProvider() => InitializeGatewayListProviderAsync();

    Task<IList<Uri>> IGatewayListProvider.GetGateways() => GetGatewaysAsync();
}
