namespace Slowrun.Client.Cli;

/// <summary>Reports the progress of long work on the error output now and then; nothing for short work.</summary>
internal sealed class Remarks : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan EveryInFiles = TimeSpan.FromSeconds(10);

    private readonly ClientContext context;
    private readonly Func<string?> line;
    private readonly CancellationTokenSource end = new();
    private readonly Task saying;

    /// <param name="line">Asked for each time; null: there is nothing to say.</param>
    public Remarks(ClientContext context, Func<string?> line)
    {
        (this.context, this.line) = (context, line);
        saying = SayAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await saying;
        end.Dispose();
    }

    private async Task SayAsync()
    {
        using var timer = new PeriodicTimer(context.Interactive ? Every : EveryInFiles, context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(end.Token))
            {
                if (line() is { } text)
                {
                    await context.Error.WriteLineAsync(text);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It is done.
        }
    }
}
