using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Slowrun.Grains.Interfaces;

namespace Slowrun.EndToEnd.Tests.Attacks;

/// <summary>An Orleans client with Slowrun's own interfaces, told everything but what is in the store.</summary>
internal static class ForgedClient
{
    // One that is let in has its answer within a second; one that is not tries on until it is told to stop.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Connects and makes a call.</summary>
    /// <param name="withTls">Presents another certificate, made like the store's, and accepts any.</param>
    /// <param name="clusterId">The store's, which is no secret.</param>
    /// <returns>Whether it was answered.</returns>
    public static async Task<bool> TryCallAsync(
        IPEndPoint gateway,
        bool withTls,
        string clusterId,
        Func<IGrainFactory, Task> call,
        CancellationToken cancellationToken
    )
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var own = new CertificateRequest("CN=slowrun", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            now.AddDays(-1),
            now.AddDays(1)
        );
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleansClient(client =>
        {
            client
                .UseStaticClustering(gateway)
                .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, "slowrun"));
            client.Services.AddSlowrunRecords();
            if (withTls)
            {
                client.UseTls(
                    own,
                    options =>
                    {
                        options.AllowAnyRemoteCertificate();
                        options.OnAuthenticateAsClient = (_, tls) => tls.TargetHost = "slowrun";
                    }
                );
            }
        });
        using var host = builder.Build();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            await host.StartAsync(limit.Token).WaitAsync(limit.Token);
            await call(host.Services.GetRequiredService<IClusterClient>()).WaitAsync(limit.Token);
            return true;
        }
        catch (Exception e)
            when (!cancellationToken.IsCancellationRequested
                && e is OrleansException or OperationCanceledException or TimeoutException or IOException or InvalidOperationException
            )
        {
            return false;
        }
    }
}
