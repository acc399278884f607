using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime.Hosting;
using Orleans.Storage;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Persistence;
using Slowrun.Clustering.Security;
using Slowrun.Storage;
using Slowrun.Storage.Blobs;

namespace Slowrun.Clustering.Hosting;

/// <summary>Puts Orleans on the store: <c>--store</c> is all that a silo or a client has to be told.</summary>
public static class StoreClusteringExtensions
{
    /// <summary>
    /// Membership in the store, with options for machines that vanish; buries the dead before the silo joins; ends at once when it is dead itself.
    /// Both ports speak mutual TLS with the store's certificate.
    /// </summary>
    /// <param name="cluster">As <see cref="StoreCluster.FoundAsync"/> has it.</param>
    /// <param name="slots">What the silo can train on, told to those who look at the cluster; null: nothing.</param>
    /// <param name="slotBytes">The slots' memory, one for each; null: not known.</param>
    public static ISiloBuilder UseStoreClustering(
        this ISiloBuilder silo, IObjectStore store, StoreCluster cluster, IReadOnlyList<string>? slots = null, IReadOnlyList<long>? slotBytes = null) =>
        silo.UseStoreClustering(store, cluster, ProcessIdentity.Current, slots, slotBytes);

    /// <inheritdoc cref="UseStoreClustering(ISiloBuilder, IObjectStore, StoreCluster, IReadOnlyList{string}, IReadOnlyList{long})"/>
    /// <param name="self">Which process the silo is said to be; null: unknown, so that only its heartbeat tells whether it lives.</param>
    public static ISiloBuilder UseStoreClustering(
        this ISiloBuilder silo, IObjectStore store, StoreCluster cluster, ProcessIdentity? self, IReadOnlyList<string>? slots = null, IReadOnlyList<long>? slotBytes = null)
    {
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<HeartbeatWatch>().AddSingleton<Suspicions>();
        silo.Services.AddSingleton(services => new MembershipFile(store, watch: services.GetRequiredService<HeartbeatWatch>()));
        silo.Services.AddSingleton(services => new DeathVerdict(
            services.GetRequiredService<ILocalSiloDetails>().SiloAddress, services.GetRequiredService<HeartbeatWatch>(), services.GetRequiredService<Suspicions>()));
        silo.Services.AddSingleton(services => new StoreMembershipTable(
            store,
            services.GetRequiredService<MembershipFile>(),
            services.GetRequiredService<TimeProvider>(),
            self,
            slots,
            slotBytes,
            services.GetRequiredService<DeathVerdict>(),
            services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped));
        silo.Services.AddSingleton<IMembershipTable>(services => services.GetRequiredService<StoreMembershipTable>());
        silo.Services.AddSingleton(services => new DeadSilos(
            services.GetRequiredService<MembershipFile>(), services.GetRequiredService<HeartbeatWatch>(), services.GetRequiredService<TimeProvider>()));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, Burial>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => new WorkHeartbeat(
            services.GetRequiredService<MembershipFile>(),
            services.GetRequiredService<ILocalSiloDetails>().SiloAddress,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<WorkHeartbeat>>(),
            services.GetService<IWorkload>()));
        silo.Services.AddSingleton<IFatalErrorHandler>(_ => new EndAtOnce());
        silo.Services.AddStoreTls(store).AddSingleton<ILifecycleParticipant<ISiloLifecycle>, CertificateWatch>();
        silo.Configure<SiloConnectionOptions>(options =>
        {
            options.ConfigureSiloInboundConnection(connections => StoreTls.Of(connections).Accept(connections, "silo"));
            options.ConfigureGatewayInboundConnection(connections => StoreTls.Of(connections).Accept(connections, "gateway"));
            options.ConfigureSiloOutboundConnection(connections => StoreTls.Of(connections).Connect(connections));
        });
        silo.Configure<ClusterMembershipOptions>(ClusterTuning.Membership);
        silo.Configure<ClusterOptions>(options => ClusterTuning.Names(options, cluster));
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = ClusterTuning.ResponseTimeout);
        silo.Configure<GrainCollectionOptions>(options => options.DeactivationTimeout = ClusterTuning.Deactivation);
        // Deactivation ends when the host's patience does, whatever Orleans was told.
        silo.Configure<HostOptions>(options => options.ShutdownTimeout = ClusterTuning.Deactivation);
        return silo;
    }

    /// <param name="cluster">As <see cref="StoreCluster.ReadAsync"/> has it.</param>
    public static IClientBuilder UseStoreClustering(this IClientBuilder client, IObjectStore store, StoreCluster cluster)
    {
        client.Services.AddSingleton<IGatewayListProvider>(_ => new StoreGatewayListProvider(store, ClusterTuning.GatewayRefresh));
        client.Services.AddStoreTls(store).TryAddSingleton(TimeProvider.System);
        client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(connections => StoreTls.Of(connections).Connect(connections)));
        client.Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = ClusterTuning.GatewayRefresh);
        client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = ClusterTuning.ResponseTimeout);
        client.Configure<ClusterOptions>(options => ClusterTuning.Names(options, cluster));
        return client;
    }

    private static IServiceCollection AddStoreTls(this IServiceCollection services, IObjectStore store) => services
        .AddSingleton(new CertificateFile(store))
        .AddSingleton<ClusterCertificates>()
        .AddSingleton<Strangers>()
        .AddSingleton<StoreTls>();

    /// <summary>
    /// Grain state in the store, as provider <paramref name="name"/>: by Microsoft's <see cref="AzureBlobGrainStorage"/> where the store is a container of Azure,
    /// by <see cref="StoreGrainStorage"/> on any other. The documents are the same, byte for byte.
    /// </summary>
    /// <param name="objectName">Object for (state name, grain); null: <see cref="GrainObjectNames.Default"/>.</param>
    public static ISiloBuilder AddStoreGrainStorage(
        this ISiloBuilder silo, string name, IObjectStore store, Func<string, GrainId, string>? objectName = null)
    {
        if (store.Innermost is AzureBlobStore azure)
        {
            var documents = new GrainBlobs(store, azure.ContainerName, objectName ?? GrainObjectNames.Default);
            return silo.AddAzureBlobGrainStorage(name, options =>
            {
                options.BlobServiceClient = azure.Account;
                options.ContainerName = azure.ContainerName;
                options.BuildContainerFactory = (_, _) => documents;
                options.GrainStorageSerializer = documents;
            });
        }

        silo.Services.AddGrainStorage(name, (_, _) => new StoreGrainStorage(store, objectName));
        return silo;
    }
}
