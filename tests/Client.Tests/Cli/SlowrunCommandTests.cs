using Slowrun.Client.Commands;

namespace Slowrun.Client.Tests.Cli;

public sealed class SlowrunCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Run_OfNothing_ShowsHelp()
    {
        Assert.Equal(0, await cli.RunAsync());
        Assert.Contains("Usage: slowrun COMMAND", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_BeforeACommand_IsTheCommandsHelp()
    {
        Assert.Equal(0, await cli.RunAsync("help", "status"));
        Assert.Contains("slowrun status demo --watch", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Did you mean 'status'?", "stauts", "demo")]
    [InlineData("Did you mean '--quick'?", "demo", "--quik")]
    [InlineData("RUN", "status")]
    [InlineData("--output: found 'jsno', expected text, wide, json", "status", "x", "-o", "jsno")]
    [InlineData("Did you mean 'json'?", "status", "x", "-o", "jsno")]
    [InlineData("--mode: found 'kil', expected kill, term, ", "chaos", "tiny", "--mode", "kil")]
    [InlineData("--silos: found 'two', expected a whole number.", "run", "tiny", "--silos", "two")]
    [InlineData("--price: found 'x', expected a number.", "spec", "explain", "tiny", "--price", "x")]
    [InlineData("'slowrun' has no command 'stauts'. Did you mean 'status'?", "help", "stauts")]
    [InlineData("'slowrun checkpoints' has no command 'verfy'. Did you mean 'verify'?", "checkpoints", "verfy", "demo")]
    [InlineData("Did you mean '--store'?", "status", "x", "--stroe", "y")]
    [InlineData("expected 1 to 64", "run", "tiny", "--silos", "0")]
    public async Task Run_OfAMisspeltCommandLine_IsAUsageErrorThatHelps(string message, params string[] arguments)
    {
        Assert.Equal(2, await cli.RunAsync(arguments));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Contains("--help' shows", cli.Error, StringComparison.Ordinal);
        Assert.Empty(cli.Output);
    }

    [Fact]
    public async Task Run_WithAMissingStore_SaysWhich()
    {
        var missing = Path.Combine(Path.GetTempPath(), $"slowrun-{Guid.NewGuid():N}");

        Assert.Equal(3, await cli.RunAsync("list", "--store", missing));
        Assert.Contains(missing, cli.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(missing));
    }

    [Theory]
    [InlineData("status")]
    [InlineData("events")]
    [InlineData("pause")]
    [InlineData("export")]
    [InlineData("ensemble")]
    [InlineData("eval")]
    [InlineData("sample")]
    public async Task Run_WithAMisspeltRun_ProposesTheOneThatIsThere(string command)
    {
        await cli.HaveRunAsync("quiet-run");

        Assert.Equal(
            3,
            await cli.RunAsync(command == "export" ? [command, "quite-run", "--out", Path.GetTempPath()] : [command, "quite-run"])
        );
        Assert.Contains("There is no run 'quite-run'", cli.Error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'quiet-run'?", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithABrokenDocument_NamesItWithoutATrace()
    {
        await cli.HaveRunAsync();
        foreach (var name in (string[])["runs/micro/spec", "runs/micro/spec.copy"])
        {
            await (await cli.StoreAsync()).WriteAsync(name, "{"u8.ToArray(), CommandLine.Stop);
        }

        Assert.Equal(1, await cli.RunAsync("status", "micro", "--verbose"));
        Assert.Contains("'runs/micro/spec' cannot be read", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(" at Slowrun", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spec_WithSeveralProblems_ShowsAllOfThem()
    {
        Assert.Equal(
            2,
            await cli.RunAsync(
                "spec",
                "validate",
                "tiny",
                "--set",
                "model.layers=5",
                "--set",
                "stage.dropout=2",
                "--set",
                "stage.loop=null"
            )
        );
        Assert.Contains("2 problems", cli.Error, StringComparison.Ordinal);
        Assert.Contains("--set model.layers=5: recipe.model.layers", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spec_ThatIsNeitherFileNorPreset_ListsPresets()
    {
        Assert.Equal(3, await cli.RunAsync("run", "tinny"));
        Assert.Contains("Did you mean 'tiny'?", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spec_ShowList_PrintWhatGoesIn()
    {
        Assert.Equal(0, await cli.RunAsync("spec", "list"));
        Assert.Contains("demo-quick", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("spec", "show", "tiny", "-o", "json", "--set", "seed=3"));
        Assert.Equal(3, cli.Json().GetProperty("recipe").GetProperty("seed").GetInt32());

        Assert.Equal(0, await cli.RunAsync("spec", "show", "tiny", "--source"));
        Assert.StartsWith("# ", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WithAnArgumentThatBeginsWithAnAt_TakesItLiterally()
    {
        var cli = new CommandLine();
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "list", CommandLine.Stop);
        await cli.HaveRunAsync();

        Assert.Equal(3, await cli.RunAsync("status", $"@{file}"));
        Assert.Contains($"There is no run '@{file}'", cli.Error, StringComparison.Ordinal);
        File.Delete(file);
    }

    [Fact]
    public async Task Run_WithAMistypedRunAmongMany_NamesTheFiveNearest()
    {
        var cli = new CommandLine();
        var store = await cli.StoreAsync();
        foreach (var name in Enumerable.Range(0, 40).Select(i => $"other-{i:D2}").Append("tiny-3"))
        {
            await store.WriteAsync($"runs/{name}/spec", new byte[1], CommandLine.Stop);
        }

        Assert.Equal(3, await cli.RunAsync("status", "tiny3"));
        Assert.Contains("Did you mean 'tiny-3'? There are: tiny-3, ", cli.Error, StringComparison.Ordinal);
        Assert.Contains(" and 36 more.", cli.Error, StringComparison.Ordinal);
        Assert.Equal(4, cli.Error.Split("other-").Length - 1);
    }

    [Theory]
    [InlineData("status", "micro", "--watch")]
    [InlineData("status", "micro", "--watch", "-o", "json")]
    public async Task Watch_ToldToStop_SaysThatTheRunGoesOn(params string[] arguments)
    {
        var cli = new CommandLine();
        await cli.HaveRunAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(CommandLine.Stop);
        var watching = Task.Run(() => SlowrunCommand.RunAsync([.. arguments, "--store", cli.Address], cli.Context, stop.Token));
        await stop.CancelAsync();

        Assert.Equal(1, await watching);
        Assert.Contains("watching has ended, as asked. Run 'micro' and its silos go on.", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("stopped before the end", cli.Error, StringComparison.Ordinal);
    }
}
