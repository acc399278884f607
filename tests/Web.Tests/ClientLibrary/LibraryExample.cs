using Slowrun.Client.Api;

namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>The example of docs/client-library.md.</summary>
internal sealed class LibraryExample
{
    /// <summary>In the place of the process's own.</summary>
    public StringWriter Console { get; } = new();

    public async Task RunAsync(Uri address, string token, string sha256)
    {
        // Begin
        using var slowrun = new SlowrunClient(address, token);
        var mine = await slowrun.SubmitRunAsync("extends: tiny", name: "mine", data: sha256);
        await foreach (var status in slowrun.WatchRunAsync(mine.Run))
        {
            Console.WriteLine($"{status.State}, {status.Stages.Sum(stage => stage.Step)} steps");
            if (status.Stages.Sum(stage => stage.Preemptions) > 100)
                await slowrun.CancelRunAsync(mine.Run);
        }
        var losses = await slowrun.GetMetricsAsync(mine.Run);
        Console.WriteLine($"The ensemble's loss: {losses.Ensemble?.LossNats} nats per token");
        // End
    }
}
