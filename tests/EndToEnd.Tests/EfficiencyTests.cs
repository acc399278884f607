using Slowrun.Core.Plan;
using Slowrun.Storage.Runs;

namespace Slowrun.EndToEnd.Tests;

/// <summary>The question for data efficiency, asked of real programs.</summary>
[Collection(Cli.Training)]
public sealed class EfficiencyTests
{
    private static readonly string[] Question =
    [
        "efficiency",
        "micro",
        "--set",
        "data.fitnessTokens=256",
        "--sizes",
        "2x32",
        "--passes",
        "20",
        "--points",
        "1,2",
    ];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Efficiency_WhenAllIsKilledAmongTheBaselines_GoesOnAndAnswersAsUndisturbed()
    {
        using var calm = new TemporaryStore();
        using var disturbed = new TemporaryStore();
        var cli = new Cli(disturbed.Path);
        using (var asked = cli.Start(Question))
        {
            await asked.UntilAsync(stop => InTheMidstAsync(cli, stop));
            Processes.SignalIfAlive(asked.Process.Id, Processes.SigKill);
            foreach (var silo in Processes.SilosOf(disturbed.Path))
            {
                Processes.SignalIfAlive(silo, Processes.SigKill);
            }

            await asked.Process.WaitForExitAsync(Stop);
        }

        var expected = await new Cli(calm.Path).JsonAsync(Question);
        var answer = await cli.JsonAsync(Question);

        Assert.Equal(expected.GetProperty("curves").GetRawText(), answer.GetProperty("curves").GetRawText());
        Assert.Equal(expected.GetProperty("models").GetRawText(), answer.GetProperty("models").GetRawText());
        Assert.Equal(0, answer.GetProperty("missing").GetArrayLength());
        // The page has it from there.
        var stored = await new RunEfficiency(await cli.OpenStoreAsync(Stop), "micro").TryReadAsync(Stop);
        Assert.Equal(answer.GetProperty("models").GetArrayLength(), stored!.Models.Count);
        // Asked again, it trains nothing.
        var again = await cli.RunAsync(["efficiency", "micro", .. Question[4..], "--no-train"]);
        Assert.Contains("4 baselines of the same data and size were there already.", again.Output, StringComparison.Ordinal);
    }

    /// <summary>Whether a baseline has begun, and has not finished.</summary>
    private static async Task<bool> InTheMidstAsync(Cli cli, CancellationToken stop)
    {
        await foreach (var run in RunDocuments.ListRunsAsync(await cli.OpenStoreAsync(stop), stop))
        {
            if (
                run.StartsWith("baseline-", StringComparison.Ordinal)
                && await cli.FactsAsync(run, stop) is { } facts
                && facts.Roots.Values.Any(root => root is { DurableStep: > 0, Finished: false })
                && Readiness.StateOf(facts) == RunState.Running
            )
            {
                return true;
            }
        }

        return false;
    }
}
