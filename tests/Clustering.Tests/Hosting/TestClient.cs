using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>A real client, told nothing but the store.</summary>
internal sealed class TestClient : IAsyncDisposable
{
    private readonly IHost host;

    private TestClient(IHost host) => this.host = host;

    public IGrainFactory Grains => host.Services.GetRequiredService<IClusterClient>();

    public static async Task<TestClient> ConnectAsync(IObjectStore store, CancellationToken cancellationToken)
    {
        var cluster = await StoreCluster.ReadAsync(store, cancellationToken);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseStoreClustering(store, cluster));
        var host = builder.Build();
        await host.StartAsync(cancellationToken);
        return new TestClient(host);
    }

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync(new CancellationToken(canceled: true));
        host.Dispose();
    }
}
