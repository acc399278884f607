using System.Net;
using Orleans.Configuration;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Machines;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Grains;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Notices;
using Slowrun.Silo.Http;
using Slowrun.Silo.Notices;
using Slowrun.Silo.Preemption;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Silo.Hosting;

/// <summary>Composes a silo: Orleans on the store, the grains, the slots.</summary>
internal static class SiloHost
{
    /// <summary>Serves until <paramref name="stop"/>, SIGTERM or SIGINT.</summary>
    /// <exception cref="IOException">The store cannot be used, or a port is taken.</exception>
    /// <exception cref="NotPossibleException">A slot cannot train here.</exception>
    public static async Task RunAsync(SiloSettings settings, CancellationToken stop)
    {
        foreach (var address in settings.Http?.Addresses ?? [])
        {
            FreePorts.Check(address.Endpoint, address.Option);
        }

        var engine = EngineStart.Begin(settings.Slots);
        StopLimit? limit = null;
        try
        {
            using var host = await BuildAsync(
                settings,
                await StoreAddress.OpenAsync(settings.Store, create: true, cancellationToken: stop),
                stop
            );
            limit = host.Services.GetRequiredService<StopLimit>();
            await host.RunAsync(stop);
        }
        finally
        {
            // A process that ends while another thread still loads libtorch may crash instead. One that hangs there never ends.
            if (!await (limit ?? new StopLimit(settings.StopWithin, lifetime: null)).WaitAsync(engine))
            {
                await Console.Error.WriteLineAsync(
                    "slowrun silo: libtorch was still loading when the time to stop was over (option --stop-within); "
                        + "the process ends without waiting for it. `slowrun doctor` checks this machine."
                );
                StopLimit.ExitNow(1);
            }
        }

        // Without it the slot loop has failed, and the host has stopped.
        await engine;
    }

    /// <summary>A silo on an opened store, not started.</summary>
    public static async Task<IHost> BuildAsync(SiloSettings settings, IObjectStore opened, CancellationToken cancellationToken)
    {
        var time = new StoreClock(TimeProvider.System);
        IObjectStore store = new WatchedStore(opened, time);
        var cluster = await StoreCluster.FoundAsync(store, settings.Clustering, cancellationToken);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.AddSiloLog();
        // Times in the store's documents are the store's.
        builder.Services.AddSingleton<TimeProvider>(time).AddSingleton(store);

        builder.Services.AddSingleton(services => new StopLimit(
            settings.StopWithin,
            services.GetRequiredService<IHostApplicationLifetime>(),
            leaving: services.GetRequiredService<SiloDrain>().Leaving
        ));
        builder.Services.AddHostedService(services => services.GetRequiredService<StopLimit>());
        builder.Services.AddTelemetry(settings.Name, settings.Http);
        if (settings.Http is { } http)
        {
            // Before Orleans: it stops last.
            builder
                .Services.AddSingleton(http)
                .AddSingleton<LiveWhileServing>()
                .AddSingleton<HttpEndpoints>()
                .AddHostedService(services => services.GetRequiredService<HttpEndpoints>());
        }

        if (settings.Preemption is { } preemption)
        {
            // Before Orleans: it stops last, and acknowledges when the silo has left its cluster.
            builder.Services.AddSingleton(preemption).AddSingleton<PreemptionSources>().AddHostedService<PreemptionWatch>();
        }

        var devices = settings.Slots.Any(slot => slot.StartsWith("cuda", StringComparison.Ordinal))
            ? NvidiaDevices.TryOpen(asCuda: true)
            : null;
        // Hosted services start in this order and stop in the reverse one: the slots stop, and commit, while Orleans still runs.
        builder.UseOrleans(silo =>
        {
            var (siloPort, gatewayPort) = FreePorts.Choose(settings.Listen, settings.SiloPort, settings.GatewayPort);
            silo.Configure<EndpointOptions>(endpoints =>
            {
                endpoints.AdvertisedIPAddress = settings.Advertise ?? settings.Listen;
                endpoints.SiloPort = settings.AdvertiseSiloPort ?? siloPort;
                endpoints.GatewayPort = settings.AdvertiseGatewayPort ?? gatewayPort;
                endpoints.SiloListeningEndpoint = new IPEndPoint(settings.Listen, siloPort);
                endpoints.GatewayListeningEndpoint = new IPEndPoint(settings.Listen, gatewayPort);
            });
            silo.Configure<SiloOptions>(options => options.SiloName = settings.Name);
            silo.UseStoreClustering(store, cluster, settings.Slots, Bytes(settings.Slots, devices));
            silo.AddStoreGrainStorage("stages", store);
            silo.Services.AddSlowrunRecords();
        });
        // After Orleans, which sets them too.
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = settings.StopWithin);
        builder.Services.Configure<GrainCollectionOptions>(options => options.DeactivationTimeout = settings.StopWithin);
        builder.Services.AddSingleton<INoticeSender>(new WebhookSender(Environment.GetEnvironmentVariable, time));
        builder.Services.AddSlowrunGrains(settings.Slots, settings.Stages, settings.ExitWhenIdle, devices);
        builder.Services.AddSingleton<SiloHealth>();
        builder.Services.AddHostedService<ClusterNews>();
        builder.Services.AddHostedService<HangUp>();
        if (ServiceManager.FromEnvironment() is { } manager)
        {
            builder.Services.AddSingleton(manager).AddHostedService<ServiceReports>();
        }

        if (settings.ParentPipe)
        {
            builder.Services.AddHostedService<ParentPipe>();
        }

        return builder.Build();
    }

    /// <summary>One for each slot, or nothing where one is not known.</summary>
    private static IReadOnlyList<long>? Bytes(IReadOnlyList<string> slots, NvidiaDevices? devices) =>
        MachineSlots.Of(slots, devices) is { } known && known.Count == slots.Count ? [.. known.Select(slot => slot.Bytes)] : null;
}
