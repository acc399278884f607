namespace Slowrun.Silo.Hosting;

/// <summary>
/// Stops the silo, in order, when the process that started it is gone: its end of our standard input then closes, however it ended.
/// A killed client so leaves nothing training behind.
/// </summary>
internal sealed partial class ParentPipe(IHostApplicationLifetime lifetime, ILogger<ParentPipe> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Reading the console cannot be cancelled, so a thread of its own does it and a stop does not wait for it.
        var end = Task.Factory.StartNew(ReadToEnd, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await end.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stoppingToken.IsCancellationRequested)
        {
            LogParentGone(log);
            lifetime.StopApplication();
        }
    }

    private static void ReadToEnd()
    {
        using var input = Console.OpenStandardInput();
        var buffer = new byte[64];
        try
        {
            while (input.Read(buffer) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A broken pipe is an end of file.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The process that started this silo is gone: committing and stopping.")]
    private static partial void LogParentGone(ILogger logger);
}
