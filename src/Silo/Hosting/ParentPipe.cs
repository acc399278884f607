namespace Slowrun.Silo.Hosting;

/// <summary>
/// Stops the silo, in order, when the process that started it is gone: standard input then closes, however that process ended. So a killed
/// client leaves no silo behind.
/// </summary>
internal sealed partial class ParentPipe(IHostApplicationLifetime lifetime, ILogger<ParentPipe> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var end = InputEnd.Watch(Console.OpenStandardInput(), () => { });
        await end.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stoppingToken.IsCancellationRequested)
        {
            LogParentGone(log);
            lifetime.StopApplication();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The process that started this silo is gone: committing and stopping.")]
    private static partial void LogParentGone(ILogger logger);
}
