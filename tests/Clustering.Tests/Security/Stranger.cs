using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Slowrun.Clustering.Membership;
using Slowrun.Clustering.Tests.Hosting;

namespace Slowrun.Clustering.Tests.Security;

/// <summary>An Orleans client that knows everything of a cluster but its certificate.</summary>
internal static class Stranger
{
    // A client that is let in has its answer within a second; one that is not tries on until it is told to stop.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>Connects, and calls a grain that writes its state; throws where no answer came.</summary>
    /// <param name="certificate">What it presents, where it speaks TLS.</param>
    /// <param name="cluster">What it takes the cluster for.</param>
    public static async Task<int> CallAsync(
        IPEndPoint gateway,
        bool speaksTls,
        X509Certificate2? certificate,
        StoreCluster cluster,
        CancellationToken cancellationToken
    )
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(gateway).Configure<ClusterOptions>(options => ClusterTuning.Names(options, cluster));
            if (speaksTls)
            {
                client.UseTls(options =>
                {
                    options.LocalCertificate = certificate;
                    options.AllowAnyRemoteCertificate();
                    options.OnAuthenticateAsClient = (_, tls) => tls.TargetHost = "slowrun";
                });
            }
        });
        using var host = builder.Build();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        await host.StartAsync(limit.Token).WaitAsync(limit.Token);
        return await host
            .Services.GetRequiredService<IClusterClient>()
            .GetGrain<ICounterGrain>("forged/chain0/stage0")
            .Add(1)
            .WaitAsync(limit.Token);
    }
}
