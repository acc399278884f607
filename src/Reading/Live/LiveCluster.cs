using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime.Placement;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;

namespace Slowrun.Reading.Live;

/// <summary>A connection to the silos that serve a store. Where it fails, callers read the store.</summary>
public sealed class LiveCluster : IAsyncDisposable
{
    private readonly IHost host;

    private LiveCluster(IHost host) => this.host = host;

    /// <summary>The run grains' answers over this connection.</summary>
    public GrainLiveRuns Runs => new GrainLiveRuns(Client);

    private IClusterClient Client => host.Services.GetRequiredService<IClusterClient>();

    /// <returns>Null where no silo accepted the connection before the deadline.</returns>
    public static async Task<LiveCluster?> TryConnectAsync(IObjectStore store, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        StoreCluster cluster;
        try
        {
            cluster = await StoreCluster.ReadAsync(store, limit.Token);
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            return null;
        }

        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleansClient(client =>
        {
            client.UseStoreClustering(store, cluster);
            client.Services.AddSlowrunRecords();
            // A silo may be listed a moment before it listens, or a moment after its end.
            client.UseConnectionRetryFilter(
                async (_, stop) =>
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(200), stop);
                    return true;
                }
            );
        });
        var host = builder.Build();
        try
        {
            await host.StartAsync(limit.Token).WaitAsync(limit.Token);
            return new LiveCluster(host);
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            await StopAsync(host);
            return null;
        }
    }

    /// <summary>Asks a silo to commit, release and leave.</summary>
    /// <param name="silo">Its address as <c>SiloAddress.ToParsableString</c> writes it.</param>
    /// <returns>False where no such silo has agreed before the deadline.</returns>
    public async Task<bool> TryDrainAsync(string silo, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            while (true)
            {
                RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(silo));
                if (await Client.GetGrain<ISiloGrain>(silo).Drain().WaitAsync(limit.Token))
                {
                    return true;
                }

                // The grain was activated on another silo, and moves from there.
                await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
            }
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync(host);

    private static bool IsTheirs(Exception e, CancellationToken ours) =>
        !ours.IsCancellationRequested
        && e is OrleansException or TimeoutException or OperationCanceledException or IOException or InvalidOperationException;

    private static async Task StopAsync(IHost host)
    {
        // Not worth a longer wait: silos notice a closed connection.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await host.StopAsync(limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception e)
            when (e is OrleansException or OperationCanceledException or TimeoutException or InvalidOperationException or AggregateException
            )
        {
            // It was not connected, or is no longer.
        }

        host.Dispose();
    }
}
