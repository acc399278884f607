using System.Globalization;
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

    /// <summary>The run is longer than the test: what it shows does not hang on how fast it trains.</summary>
    [Fact]
    public async Task Run_WhoseSiloIsKilled_GoesOnOnAnotherWithoutOptions()
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        var table = $"azure-table={await Azurite.TablesAsync()}";
        Assert.Equal(0, (await cli.RunAsync("submit", "tiny", "--set", "chains=[{stages: 1}]", "--set", "stage.epochs=100000")).ExitCode);
        using (var first = cli.Start("silo", "--clustering", table, "--slots", "cpu:1", "--name", "first"))
        {
            await cli.TrainingAsync("tiny", first, steps: 5);
            Assert.Equal("Running", (await cli.JsonAsync("status", "tiny")).GetProperty("state").GetString());
            Assert.Contains("first", (await cli.RunAsync("doctor")).Output, StringComparison.Ordinal);
            Processes.Signal(Processes.SiloNamed(cli.Store, "first"), Processes.SigKill);
        }

        var port = FreePorts.Next();
        using var second = cli.Start("silo", "--slots", "cpu:1", "--name", "second", "--page", Number(port));
        await cli.UntilAsync("tiny", second, facts => facts.RootOf(Stage) is { EpochToken: > 1, Preemptions: > 0 });
        await cli.TrainingAsync("tiny", second, steps: 5);

        // As a person sees it who asks the silo for its page, or a program.
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{Number(port)}/") };
        var run = JsonNode.Parse(await http.GetStringAsync("api/v1/runs/tiny", Stop))!;
        Assert.Equal("Running", (string?)run["state"]);
        var serving = Assert.Single(JsonNode.Parse(await http.GetStringAsync("api/v1/silos", Stop))!.AsArray())!;
        Assert.Equal("second", (string?)serving["name"]);
        Assert.Contains("Training", await http.GetStringAsync("runs/tiny/", Stop), StringComparison.Ordinal);
        Assert.Contains("second", await http.GetStringAsync("silos", Stop), StringComparison.Ordinal);

        var elsewhere = await cli.RunAsync("silo", "--clustering", "document", "--slots", "cpu:1");
        Assert.NotEqual(0, elsewhere.ExitCode);
        Assert.Contains("Leave --clustering out", elsewhere.Error, StringComparison.Ordinal);
    }

    private static string Number(int port) => port.ToString(CultureInfo.InvariantCulture);
}
