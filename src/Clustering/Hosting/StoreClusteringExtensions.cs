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
using Slowrun.Clustering.Tables;
using Slowrun.Storage;
using Slowrun.Storage.Blobs;

namespace Slowrun.Clustering.Hosting;

/// <summary>Configures Orleans on the store: a silo or a client needs only <c>--store</c>.</summary>
public static class StoreClusteringExtensions
{
    /// <summary>
    /// Membership in the store, with options for machines that vanish; marks dead silos before the silo joins; ends the process at once
    /// when it is declared dead itself. Both ports speak mutual TLS with the store's certificate.
    /// </summary>
    /// <param name="cluster">As <see cref="StoreCluster.FoundAsync(IObjectStore, ClusterPlace, CancellationToken)"/> has it.</param>
    /// <param name="slots">The silo's slots, as shown to users; null: none.</param>
    /// <param name="slotBytes">The slots' memory, one for each; null: not known.</param>
    public static ISiloBuilder UseStoreClustering(
        this ISiloBuilder silo,
        IObjectStore store,
        StoreCluster cluster,
        IReadOnlyList<string>? slots = null,
        IReadOnlyList<long>? slotBytes = null
    ) => silo.UseStoreClustering(store, cluster, ProcessIdentity.Current, slots, slotBytes);

    /// <inheritdoc cref="UseStoreClustering(ISiloBuilder, IObjectStore, StoreCluster, IReadOnlyList{string}, IReadOnlyList{long})"/>
    /// <param name="self">The silo's process; null: unknown, so that only its heartbeat shows whether it lives.</param>
    public static ISiloBuilder UseStoreClustering(
        this ISiloBuilder silo,
        IObjectStore store,
        StoreCluster cluster,
        ProcessIdentity? self,
        IReadOnlyList<string>? slots = null,
        IReadOnlyList<long>? slotBytes = null
    )
    {
        silo.Services.TryAddSingleton(TimeProvider.System);
        if (cluster.Place.Table)
        {
            AddAzureTable(silo, store, cluster, self, slots, slotBytes);
        }
        else
        {
            AddDocument(silo.Services, store, self, slots, slotBytes);
        }

        AddBurial(silo.Services, store);

        silo.Services.AddSingleton<IFatalErrorHandler>(_ => new EndAtOnce());
        silo.Services.AddStoreTls(store).AddSingleton<ILifecycleParticipant<ISiloLifecycle>, CertificateWatch>();
        silo.Configure<SiloConnectionOptions>(options =>
        {
            options.ConfigureSiloInboundConnection(connections =>
            {
                StoreTls.Of(connections).Accept(connections, "silo");
                connections.ApplicationServices.GetService<ConnectionEnds>()?.Watch(connections);
            });
            options.ConfigureGatewayInboundConnection(connections => StoreTls.Of(connections).Accept(connections, "gateway"));
            options.ConfigureSiloOutboundConnection(connections =>
            {
                StoreTls.Of(connections).Connect(connections);
                connections.ApplicationServices.GetService<ConnectionEnds>()?.Watch(connections);
            });
        });
        // Orleans' default directory ends activations whose entry was on a silo that left, among them those of stages that train: with
        // three silos nearly half of them at each loss. This one asks the living silos for their activations.
#pragma warning disable ORLEANSEXP003 // Experimental, as its API may change; which can be seen when the package is updated.
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        silo.Configure<GrainDirectoryOptions>(ClusterTuning.Directory);
        silo.Configure<ClusterMembershipOptions>(ClusterTuning.Membership);
        silo.Configure<ClusterOptions>(options => ClusterTuning.Names(options, cluster));
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = ClusterTuning.ResponseTimeout);
        silo.Configure<GrainCollectionOptions>(options => options.DeactivationTimeout = ClusterTuning.Deactivation);
        // Deactivation ends with the host's time limit, whatever Orleans' own is.
        silo.Configure<HostOptions>(options => options.ShutdownTimeout = ClusterTuning.Deactivation);
        return silo;
    }

    /// <param name="cluster">As <see cref="StoreCluster.ReadAsync"/> has it.</param>
    public static IClientBuilder UseStoreClustering(this IClientBuilder client, IObjectStore store, StoreCluster cluster)
    {
        if (cluster.Place.Table)
        {
            client.UseAzureStorageClustering(options =>
            {
                options.TableName = AzureTables.Name;
                options.TableServiceClient = AzureTables.Connect(cluster.Place, store.Address);
            });
        }
        else
        {
            client.Services.AddSingleton<IGatewayListProvider>(_ => new StoreGatewayListProvider(store, ClusterTuning.GatewayRefresh));
        }

        client.Services.AddStoreTls(store).TryAddSingleton(TimeProvider.System);
        client.Configure<ClientConnectionOptions>(options =>
            options.ConfigureConnection(connections => StoreTls.Of(connections).Connect(connections))
        );
        client.Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = ClusterTuning.GatewayRefresh);
        client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = ClusterTuning.ResponseTimeout);
        client.Configure<ClusterOptions>(options => ClusterTuning.Names(options, cluster));
        return client;
    }

    private static void AddDocument(
        IServiceCollection services,
        IObjectStore store,
        ProcessIdentity? self,
        IReadOnlyList<string>? slots,
        IReadOnlyList<long>? slotBytes
    )
    {
        services.AddSingleton<ISiloRows>(provider => provider.GetRequiredService<MembershipFile>());
        services.AddSingleton<IHeartbeats>(provider => provider.GetRequiredService<HeartbeatWatch>());
        services.AddSingleton(provider => new StoreMembershipTable(
            store,
            provider.GetRequiredService<MembershipFile>(),
            provider.GetRequiredService<TimeProvider>(),
            self,
            slots,
            slotBytes,
            provider.GetRequiredService<DeathVerdict>(),
            Stopped(provider)
        ));
        services.AddSingleton<IMembershipTable>(provider => provider.GetRequiredService<StoreMembershipTable>());
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => new RefusedSilos(
            provider.GetRequiredService<MembershipFile>(),
            Own(provider),
            provider.GetRequiredService<DeathVerdict>(),
            provider.GetRequiredService<Suspicions>(),
            provider.GetRequiredService<IClusterMembershipService>(),
            provider.GetRequiredService<ConnectionEnds>(),
            provider.GetRequiredService<TimeProvider>(),
            (endpoint, cancellation) => SiloPort.AskAsync(endpoint, RefusedSilos.AnswerTime, cancellation),
            provider.GetRequiredService<ILogger<RefusedSilos>>()
        ));
    }

    /// <summary>Microsoft's table; the silos that serve the store, and their promises of heartbeats, are also listed in the document beside
    /// it.</summary>
    private static void AddAzureTable(
        ISiloBuilder silo,
        IObjectStore store,
        StoreCluster cluster,
        ProcessIdentity? self,
        IReadOnlyList<string>? slots,
        IReadOnlyList<long>? slotBytes
    )
    {
        var account = AzureTables.Connect(cluster.Place, store.Address);
        silo.UseAzureStorageClustering(options =>
        {
            options.TableName = AzureTables.Name;
            options.TableServiceClient = account;
        });
        var table = silo.Services.Last(service => service.ServiceType == typeof(IMembershipTable)).ImplementationType!;
        silo.Services.AddSingleton(provider => new SideDocument(
            provider.GetRequiredService<MembershipFile>(),
            Own(provider),
            self,
            slots ?? [],
            slotBytes,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SideDocument>>(),
            Stopped(provider)
        ));
        silo.Services.AddSingleton(provider => new WatchedTable(
            (IMembershipTable)ActivatorUtilities.CreateInstance(provider, table),
            stop => AzureTables.ProbeAsync(account, cluster, stop),
            provider.GetRequiredService<TimeProvider>()
        ));
        silo.Services.AddSingleton(provider => new TableRows(
            provider.GetRequiredService<WatchedTable>(),
            provider.GetRequiredService<MembershipFile>(),
            provider.GetRequiredService<HeartbeatWatch>(),
            provider.GetRequiredService<SideDocument>()
        ));
        silo.Services.AddSingleton<ISiloRows>(provider => provider.GetRequiredService<TableRows>());
        silo.Services.AddSingleton<IHeartbeats>(provider => provider.GetRequiredService<TableRows>());
        silo.Services.AddSingleton<IMembershipTable>(provider => new TableWithSideDocument(
            provider.GetRequiredService<WatchedTable>(),
            provider.GetRequiredService<ISiloRows>(),
            provider.GetRequiredService<SideDocument>(),
            provider.GetRequiredService<DeathVerdict>(),
            Own(provider),
            Stopped(provider)
        ));
    }

    /// <summary>Who is dead, wherever the rows stand.</summary>
    private static void AddBurial(IServiceCollection services, IObjectStore store)
    {
        services.AddSingleton<HeartbeatWatch>().AddSingleton<Suspicions>().AddSingleton<ConnectionEnds>();
        services.AddSingleton(provider => new MembershipFile(store, watch: provider.GetRequiredService<HeartbeatWatch>()));
        services.AddSingleton(provider => new DeathVerdict(
            Own(provider),
            provider.GetRequiredService<IHeartbeats>(),
            provider.GetRequiredService<Suspicions>()
        ));
        services.AddSingleton(provider => new DeadSilos(
            provider.GetRequiredService<ISiloRows>(),
            provider.GetRequiredService<IHeartbeats>(),
            provider.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, Burial>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => new ReachedBeforeJoin(
            provider.GetRequiredService<ISiloRows>(),
            Own(provider),
            provider.GetRequiredService<IClusterMembershipService>(),
            provider.GetRequiredService<TimeProvider>(),
            SiloPort.AnswersAsync,
            provider.GetRequiredService<ILogger<ReachedBeforeJoin>>()
        ));
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => new WorkHeartbeat(
            provider.GetRequiredService<MembershipFile>(),
            Own(provider),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<WorkHeartbeat>>(),
            provider.GetService<IWorkload>()
        ));
    }

    private static SiloAddress Own(IServiceProvider provider) => provider.GetRequiredService<ILocalSiloDetails>().SiloAddress;

    private static CancellationToken Stopped(IServiceProvider provider) =>
        provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped;

    private static IServiceCollection AddStoreTls(this IServiceCollection services, IObjectStore store) =>
        services
            .AddSingleton(new CertificateFile(store))
            .AddSingleton<ClusterCertificates>()
            .AddSingleton<Strangers>()
            .AddSingleton<StoreTls>();

    /// <summary>
    /// Grain state in the store, as provider <paramref name="name"/>: by Microsoft's <see cref="AzureBlobGrainStorage"/> where the store is
    /// a container of Azure, by <see cref="StoreGrainStorage"/> on any other. The documents are the same, byte for byte.
    /// </summary>
    /// <param name="objectName">Object for (state name, grain); null: <see cref="GrainObjectNames.Default"/>.</param>
    public static ISiloBuilder AddStoreGrainStorage(
        this ISiloBuilder silo,
        string name,
        IObjectStore store,
        Func<string, GrainId, string>? objectName = null
    )
    {
        if (store.Innermost is AzureBlobStore azure)
        {
            var documents = new GrainBlobs(store, azure.ContainerName, objectName ?? GrainObjectNames.Default);
            return silo.AddAzureBlobGrainStorage(
                name,
                options =>
                {
                    options.BlobServiceClient = azure.Account;
                    options.ContainerName = azure.ContainerName;
                    options.BuildContainerFactory = (_, _) => documents;
                    options.GrainStorageSerializer = documents;
                }
            );
        }

        silo.Services.AddGrainStorage(name, (_, _) => new StoreGrainStorage(store, objectName));
        return silo;
    }
}
