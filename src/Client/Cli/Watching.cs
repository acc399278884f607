namespace Slowrun.Client.Cli;

/// <summary>Commands that only look: told to stop, they end without a word of what they look at having stopped.</summary>
internal static class Watching
{
    /// <param name="goesOn">What is not touched by the end of the command, as a sentence.</param>
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
