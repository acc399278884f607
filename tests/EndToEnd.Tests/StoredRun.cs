using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.EndToEnd.Tests;

/// <summary>The run <c>tiny</c> as its store knows it.</summary>
internal static class StoredRun
{
    /// <summary>Waits for it to get somewhere while a process works on it.</summary>
    public static async Task UntilAsync(Cli cli, CliProcess running, Func<RunFacts, bool> reached)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        while (await FactsAsync(cli.Store, limit.Token) is not { } facts || !reached(facts))
        {
            Assert.False(running.Process.HasExited, $"The process ended early: {running.Error}{running.Output}");
            await Task.Delay(20, limit.Token);
        }
    }

    public static async Task<RunFacts?> FactsAsync(string path, CancellationToken stop)
    {
        var store = await StoreAddress.OpenAsync(path, create: true, cancellationToken: stop);
        return await new RunFactsReader(store).ReadAsync("tiny", new HashSet<string>(), stop);
    }
}
