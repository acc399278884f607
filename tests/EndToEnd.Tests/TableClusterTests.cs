using System.Text.Json.Nodes;
using Slowrun.Core.Plan;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A cluster whose rows stand in a table of Azurite, of a store in a directory.</summary>
[Collection(Cli.Training)]
public sealed class TableClusterTests
{
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_WhoseSiloIsKilled_GoesOnOnAnotherThatWasToldNothing()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        var table = $"azure-table={await Azurite.TablesAsync()}";
        Assert.Equal(0, (await cli.RunAsync("submit", "tiny", "--set", "chains=[{stages: 1}]", "--set", "stage.epochs=20")).ExitCode);
        using (var first = cli.Start("silo", "--clustering", table, "--slots", "cpu:1", "--name", "first"))
        {
            await cli.TrainingAsync("tiny", first, steps: 5);
            var status = JsonNode.Parse((await cli.RunAsync("status", "tiny", "-o", "json")).Output)!;
            Assert.Equal("Running", (string?)status["state"]);
            Assert.Contains("first", (await cli.RunAsync("doctor")).Output, StringComparison.Ordinal);
            Processes.Signal(Processes.SiloNamed(cli.Store, "first"), Processes.SigKill);
        }

        using var second = cli.Start("silo", "--slots", "cpu:1", "--name", "second");
        await cli.UntilAsync("tiny", second, facts => Readiness.StateOf(facts) == RunState.Succeeded);

        var root = (await cli.FactsAsync("tiny", Stop))!.RootOf(Stage);
        Assert.True(root.EpochToken > 1 && root.Preemptions > 0, $"token {root.EpochToken}, {root.Preemptions} preemptions");
        var elsewhere = await cli.RunAsync("silo", "--clustering", "document", "--slots", "cpu:1");
        Assert.NotEqual(0, elsewhere.ExitCode);
        Assert.Contains("Leave --clustering out", elsewhere.Error, StringComparison.Ordinal);
    }
}
