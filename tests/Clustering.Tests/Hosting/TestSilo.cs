using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>A real silo in this process, on free loopback ports, with a store of its own to be cut off from.</summary>
internal sealed class TestSilo : IAsyncDisposable
{
    private readonly IHost host;

    private TestSilo(IHost host, RecordingStore store, Task<string> ended)
    {
        this.host = host;
        Store = store;
        Ended = ended;
    }

    /// <summary>Completes with its last words where a silo of a process of its own would have ended it.</summary>
    public Task<string> Ended { get; }

    public RecordingStore Store { get; }

    public IServiceProvider Services => host.Services;

    public IGrainFactory Grains => host.Services.GetRequiredService<IGrainFactory>();

    public IPEndPoint Gateway => host.Services.GetRequiredService<ILocalSiloDetails>().GatewayAddress!.Endpoint;

    public string Address => host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString();

    /// <param name="skew">By how much its clock is wrong; with a value its process is not known to others, as on a machine of its own, and
    /// it beats each second.</param>
    public static async Task<TestSilo> CreateAsync(
        IObjectStore store,
        string name,
        bool gossips = true,
        TimeSpan? skew = null,
        ILoggerProvider? log = null
    )
    {
        var cluster = await StoreCluster.FoundAsync(store);
        var recording = new RecordingStore(store);
        var (silo, gateway) = FreePorts();
        var fatal = new StringWriter();
        var ended = new TaskCompletionSource<string>();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        if (log is not null)
        {
            builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Warning).AddFilter("Orleans.Connections.Security", LogLevel.None);
        }

        builder.UseOrleans(orleans =>
            orleans
                .ConfigureEndpoints(IPAddress.Loopback, silo, gateway)
                .Configure<SiloOptions>(options => options.SiloName = name)
                .UseStoreClustering(recording, cluster)
                .Configure<ClusterMembershipOptions>(options => options.UseLivenessGossip = gossips)
                .AddStoreGrainStorage("stages", recording)
                .Services.AddSingleton<IFatalErrorHandler>(_ => new EndAtOnce(fatal, _ => ended.TrySetResult(fatal.ToString())))
        );
        if (skew is { } wrong)
        {
            builder.Services.AddSingleton<IMembershipTable>(new SkewedMembershipTable(new StoreMembershipTable(recording, null), wrong));
            builder.Services.AddSingleton(new DeadSilos(recording, new ShiftedTime { Shift = wrong }));
            builder.Services.Configure<ClusterMembershipOptions>(options => options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(1));
        }

        return new TestSilo(builder.Build(), recording, ended.Task);
    }

    public static async Task<TestSilo> StartAsync(IObjectStore store, string name, CancellationToken cancellationToken)
    {
        var silo = await CreateAsync(store, name);
        await silo.StartAsync(cancellationToken);
        return silo;
    }

    public Task StartAsync(CancellationToken cancellationToken) => host.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => host.StopAsync(cancellationToken);

    /// <summary>As a kill: the connections close, and not a word to the store. (Create the silo without gossip, or it tells the
    /// others.)</summary>
    public Task CrashAsync()
    {
        Store.Sever();
        return host.StopAsync(new CancellationToken(canceled: true));
    }

    public async ValueTask DisposeAsync()
    {
        await CrashAsync();
        host.Dispose();
    }

    private static (int Silo, int Gateway) FreePorts()
    {
        using var silo = Listen();
        using var gateway = Listen();
        return (((IPEndPoint)silo.LocalEndpoint).Port, ((IPEndPoint)gateway.LocalEndpoint).Port);
    }

    /// <summary>Not at a port that the system may give a connection before the silo listens: Linux takes those from 32768 up.</summary>
    private static TcpListener Listen()
    {
        while (true)
        {
            var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(10_000, 32_768));
            try
            {
                listener.Start();
                return listener;
            }
            catch (SocketException)
            {
                listener.Dispose();
            }
        }
    }
}
