using Slowrun.Reading.Live;
using Slowrun.Storage;
using Slowrun.Web.Hosting;

namespace Slowrun.Silo.Page;

/// <summary>Serves the page beside the slots, where <c>--page</c> asks for it.</summary>
internal sealed partial class PageHost(
    PageOptions options,
    IObjectStore store,
    IGrainFactory grains,
    TimeProvider time,
    ILogger<PageHost> log
) : IHostedService
{
    private PageServer? server;

    /// <exception cref="IOException">The port cannot be used.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        server = await PageServer.StartAsync(
            options with
            {
                Trouble = e => LogTrouble(log, e),
            },
            store,
            new GrainLiveRuns(grains),
            time,
            cancellationToken
        );
        LogServes(log, server.Address);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The page is served at {Address}.")]
    private static partial void LogServes(ILogger logger, Uri address);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request to the page failed, which should not have happened.")]
    private static partial void LogTrouble(ILogger logger, Exception exception);
}
