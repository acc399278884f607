using OpenTelemetry.Metrics;
using Slowrun.Storage;
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
    IObjectStore store,
    LiveWhileServing live,
    TimeProvider time,
    ILoggerFactory logs,
    ILogger<HttpEndpoints> log
) : IHostedService, IAsyncDisposable
{
    private WebServer? server;

    /// <summary>Where it listens, the ports that were found for 0 among them; null before it does.</summary>
    public IReadOnlyList<Uri>? Addresses => server?.Addresses;

    /// <summary>What it answers, but for health.</summary>
    public IReadOnlyList<Endpoint> Mapped => server?.Endpoints ?? [];

    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            server = await WebServer.StartAsync(
                new WebOptions
                {
                    Addresses = [.. settings.Addresses.Select(address => new WebAddress(address.Endpoint, address.ServesPage))],
                    Access = settings.Access,
                    Page = settings.Page ? new PageSource(store, live, time) : null,
                    // Before anything that waits: a supervisor restarts what does not answer.
                    Before = app => app.UseHealth(health),
                    Metrics = routes =>
                        routes.MapPrometheusScrapingEndpoint(
                            WebServer.MetricsPath,
                            meters,
                            configureBranchedPipeline: null,
                            optionsName: null
                        ),
                    CpuShare = settings.CpuShare,
                    Trouble = e => LogTrouble(log, e),
                    Logs = logs,
                },
                cancellationToken
            );
        }
        catch (IOException e)
        {
            throw new IOException($"{string.Join(" and ", settings.Addresses)}: {e.Message}", e);
        }

        foreach (var (address, asked) in server.Addresses.Zip(settings.Addresses))
        {
            LogListens(log, asked.ServesPage ? "The page, metrics and health" : "Metrics and health", address);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{What} are served at {Address}.")]
    private static partial void LogListens(ILogger logger, string what, Uri address);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request over HTTP failed, which should not have happened.")]
    private static partial void LogTrouble(ILogger logger, Exception exception);
}
