namespace Slowrun.Client.Cli;

/// <summary>Commands that only read: when they are stopped, they say that the run goes on.</summary>
internal static class Watching
{
    /// <param name="goesOn">A sentence: what goes on after the command has ended.</param>
    public static async Task<int> WatchAsync(ClientContext context, string goesOn, Func<Task<int>> watch, CancellationToken stop)
    {
        try
        {
            return await watch();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await context.Error.WriteLineAsync($"slowrun: watching has ended, as asked. {goesOn}");
            return ExitCode.Failed;
        }
    }
}
