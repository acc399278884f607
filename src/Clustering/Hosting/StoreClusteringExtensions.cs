using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Storage;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Persistence;
using Slowrun.Storage;

namespace Slowrun.Clustering.Hosting;

/// <summary>Puts Orleans on the store: <c>--store</c> is all that a silo or a client has to be told.</summary>
public static class StoreClusteringExtensions
{
    public static ISiloBuilder UseStoreClustering(this ISiloBuilder silo, IObjectStore store)
    {
        silo.Services.AddSingleton<IMembershipTable>(_ => new StoreMembershipTable(store));
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = ClusterTuning.ProbeTimeout;
            options.MaxProbeTimeout = ClusterTuning.MaxProbeTimeout;
            options.NumMissedProbesLimit = ClusterTuning.MissedProbes;
            options.TableRefreshTimeout = ClusterTuning.TableRefresh;
            options.IAmAliveTablePublishTimeout = ClusterTuning.IAmAlive;
            options.DefunctSiloExpiration = ClusterTuning.DefunctExpiration;
        });
        silo.Configure<GrainCollectionOptions>(options => options.DeactivationTimeout = ClusterTuning.Deactivation);
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = ClusterTuning.ResponseTimeout);
        silo.Configure<ClusterOptions>(Name);
        return silo;
    }

    public static IClientBuilder UseStoreClustering(this IClientBuilder client, IObjectStore store)
    {
        client.Services.AddSingleton<IGatewayListProvider>(_ => new StoreGatewayListProvider(store, ClusterTuning.GatewayRefresh));
        client.Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = ClusterTuning.GatewayRefresh);
        client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = ClusterTuning.ResponseTimeout);
        client.Configure<ClusterOptions>(Name);
        return client;
    }

    /// <summary>Grain state in the store, as provider <paramref name="name"/>. Microsoft's Azure provider of the same name can stand here instead.</summary>
    public static ISiloBuilder AddStoreGrainStorage(this ISiloBuilder silo, string name, IObjectStore store)
    {
        silo.Services.AddKeyedSingleton<IGrainStorage>(name, (_, _) => new StoreGrainStorage(store, GrainObjectNames.Default));
        return silo;
    }

    private static void Name(ClusterOptions options)
    {
        options.ClusterId = ClusterTuning.ClusterId;
        options.ServiceId = ClusterTuning.ClusterId;
    }
}
