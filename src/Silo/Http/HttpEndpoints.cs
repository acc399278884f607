using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using OpenTelemetry.Metrics;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;

namespace Slowrun.Silo.Http;

/// <summary>
/// The silo's web server, where one is asked for: an application of its own beside the silo's host. To be registered before Orleans: it
/// stops last, so that a silo that leaves can be watched until it has left.
/// </summary>
internal sealed partial class HttpEndpoints(
    HttpSettings settings,
    SiloHealth health,
    MeterProvider meters,
    ILoggerFactory logs,
    ILogger<HttpEndpoints> log
) : IHostedService, IAsyncDisposable
{
    // What asks is a few supervisors, collectors and people.
    private const int MostConnections = 200;
    private const int LongestBodyBytes = 64 << 10;

    // A collector asks every few seconds.
    private const int MostScrapesAtOnce = 2;

    private readonly BackgroundThread thread = new("http", settings.CpuShare);
    private WebApplication? app;

    /// <summary>Where it listens, the port that was found for 0 among it; null before it does.</summary>
    public Uri? Address =>
        app?.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses is { Count: > 0 } all
            ? new Uri(all.First())
            : null;

    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        app = Build();
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new IOException(
                $"Nothing can listen on {settings.Address} (option --http): {e.Message} Give another address or port; port 0 takes any free one.",
                e
            );
        }

        LogListens(log, Address!);
    }

    public Task StopAsync(CancellationToken cancellationToken) => app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (app is not null)
        {
            await app.DisposeAsync();
        }

        thread.Dispose();
    }

    private WebApplication Build()
    {
        // Empty: no setting of the environment or of a file in the current directory opens another port.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var connections = new HeldConnections(MostConnections);
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Limits.MaxRequestBodySize = LongestBodyBytes;
                kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
                kestrel.Listen(settings.Address, connections.Use);
            });
        builder.Services.AddRoutingCore();
        builder.Services.AddOptions();
        // Without a token it listens on loopback alone, and a web page that a browser of this machine shows may have let its own name lead
        // here.
        builder.Services.AddTokenAccess(
            new AccessSettings(settings.Token, settings.Token is null ? [] : null, AnswerAsync),
            TimeProvider.System
        );
        builder.Services.AddRateLimiter(limits =>
            limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(_ =>
                RateLimitPartition.GetConcurrencyLimiter(
                    "",
                    _ => new ConcurrencyLimiterOptions { PermitLimit = MostScrapesAtOnce, QueueLimit = MostConnections }
                )
            )
        );
        builder.Services.AddSingleton(logs).AddSingleton<IHostLifetime, SilosLifetime>();

        var web = builder.Build();
        connections.Use(web);
        // Before anything that waits: a supervisor restarts what does not answer.
        web.UseHealth(health);
        thread.Use(web);
        web.UseAccessGate();
        web.UseRouting();
        web.UseTokenAccess();
        web.UseRateLimiter();
        web.MapPrometheusScrapingEndpoint("/metrics", meters, configureBranchedPipeline: null, optionsName: null);
        return web;
    }

    private static Task AnswerAsync(HttpContext http, int status, string why)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(why + "\n", http.RequestAborted);
    }

    /// <summary>Signals are the silo's: this application ends when the silo stops it.</summary>
    private sealed class SilosLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Metrics and health are served at {Address}.")]
    private static partial void LogListens(ILogger logger, Uri address);
}
