using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class RenameCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Rename_OfARun_IsFoundByBothNamesAndShownByTheNewOne()
    {
        await cli.HaveRunAsync();
        await cli.HaveRunAsync("other", "seed=9");

        Assert.Equal(0, await cli.RunAsync("rename", "micro", "best"));
        Assert.Equal("Run 'micro' is called 'best'. Both names find it.\n", cli.Output);

        Assert.Equal(0, await cli.RunAsync("status", "best", "-o", "json"));
        Assert.Equal(("micro", "best"), (Text("name"), Text("givenName")));
        Assert.Equal(0, await cli.RunAsync("status", "micro"));
        Assert.StartsWith("best (micro) · Pending", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("list", "be*", "-o", "csv"));
        Assert.Matches(@"^name,.*,givenName\nmicro,.*,best\n", cli.Output);
        Assert.DoesNotContain("other", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("list"));
        Assert.Matches(@"\nbest \(micro\) +Pending", cli.Output);
        Assert.Equal(0, await cli.RunAsync("complete", "slowrun status be"));
        Assert.Contains("best", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("complete", "slowrun pause best/chain0/stage1"));
        Assert.Contains("best/chain0/stage1", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pause", "best/chain0/stage1")]
    [InlineData("set", "best", "priority=1")]
    [InlineData("events", "best")]
    [InlineData("explain", "best")]
    [InlineData("lineage", "best")]
    [InlineData("goodput", "best")]
    [InlineData("checkpoints", "list", "best")]
    [InlineData("compare", "best", "other")]
    [InlineData("spec", "show", "run:best")]
    [InlineData("spec", "show", "best")]
    [InlineData("metrics", "best")]
    public async Task Command_WithAGivenName_IsAboutItsRun(params string[] command)
    {
        await cli.HaveRunAsync();
        await cli.HaveRunAsync("other", "seed=9");
        Assert.Equal(0, await cli.RunAsync("rename", "micro", "best"));

        Assert.True(await cli.RunAsync(command) == 0, cli.Error);

        Assert.Equal(
            ["micro", "other"],
            await RunDocuments.ListRunsAsync(await cli.StoreAsync(), CommandLine.Stop).ToListAsync(CommandLine.Stop)
        );
    }

    [Fact]
    public async Task ReadingCommand_OfARenamedRun_ShowsWhatItIsCalled()
    {
        await cli.HaveRunAsync();
        await cli.HaveRunAsync("other", "seed=9");
        await cli.RunAsync("rename", "micro", "best");

        Assert.Equal(0, await cli.RunAsync("compare", "micro", "other"));
        Assert.Matches(@"^RUN +best \(micro\) +other *\n", cli.Output);
        Assert.Equal(0, await cli.RunAsync("compare", "micro", "other", "-o", "json"));
        var runs = cli.Json().GetProperty("runs");
        Assert.Equal(("micro", "best"), (runs[0].GetProperty("name").GetString(), runs[0].GetProperty("givenName").GetString()));
        Assert.Equal(0, await cli.RunAsync("explain", "micro"));
        Assert.StartsWith("best is Pending", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("goodput", "micro"));
        Assert.StartsWith("best (micro) · Pending", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("lineage", "micro"));
        Assert.StartsWith("best (micro) (recipe", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name", "status")]
    [InlineData("name", "goodput")]
    [InlineData("run", "explain")]
    [InlineData("run", "lineage")]
    public async Task ReadingCommand_AsJson_HasBothNames(string own, string command)
    {
        await cli.HaveRunAsync();
        Assert.Equal(0, await cli.RunAsync(command, "micro", "-o", "json"));
        Assert.Equal(("micro", null), (Text(own), Text("givenName")));
        await cli.RunAsync("rename", "micro", "best");

        Assert.Equal(0, await cli.RunAsync(command, "best", "-o", "json"));

        Assert.Equal(("micro", "best"), (Text(own), Text("givenName")));
    }

    [Fact]
    public async Task Rename_Again_ReplacesTheNameAndItsOwnNameTakesItAway()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("rename", "micro", "best");

        Assert.Equal(0, await cli.RunAsync("rename", "best", "better"));
        Assert.Equal("Run 'micro' is called 'better', and 'best' no longer.\n", cli.Output);
        Assert.Equal(3, await cli.RunAsync("status", "best"));
        Assert.Contains("There are: micro, better.", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("rename", "better", "micro"));
        Assert.Equal("Run 'micro' is called 'better' no longer.\n", cli.Output);
        Assert.Equal(3, await cli.RunAsync("status", "better"));
        Assert.Equal(0, await cli.RunAsync("list"));
        Assert.DoesNotContain("better", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "has a run 'other'. Give 'micro' another name.", "micro", "other")]
    [InlineData(1, "Run 'other' of ", "micro", "taken")]
    [InlineData(2, "'Best' cannot name a run", "micro", "Best")]
    [InlineData(3, "There is no run 'mikro'", "mikro", "best")]
    public async Task Rename_ThatCannotBe_SaysWhy(int exitCode, string message, string run, string name)
    {
        await cli.HaveRunAsync();
        await cli.HaveRunAsync("other", "seed=9");
        await cli.RunAsync("rename", "other", "taken");

        Assert.Equal(exitCode, await cli.RunAsync("rename", run, name));

        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_UnderAGivenName_IsRefused()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("rename", "micro", "best");

        Assert.Equal(1, await cli.RunAsync("submit", "micro", "--name", "best"));

        Assert.Contains("is called 'best' (slowrun rename). Submit under another name", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_ByAGivenName_TakesRunAndNameAway()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("rename", "micro", "best");
        await cli.RunAsync("cancel", "best");

        Assert.Equal(0, await cli.RunAsync("delete", "best"));

        Assert.Equal(3, await cli.RunAsync("status", "micro"));
        Assert.Empty((await new RunNaming(await cli.StoreAsync()).TryReadAsync(CommandLine.Stop)).Runs);
    }

    [Fact]
    public async Task Verify_OfARun_ReadsTheNames()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("rename", "micro", "best");
        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "best"));
        Assert.Contains("ok       names", cli.Output, StringComparison.Ordinal);

        await (await cli.StoreAsync()).WriteAsync(RunNaming.Document, "{}x"u8.ToArray(), CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro"));
        Assert.Contains("DAMAGED  names", cli.Output, StringComparison.Ordinal);
        await cli.RunAsync("checkpoints", "repair", "micro");
        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro"));
    }

    private string? Text(string member) => cli.Json().GetProperty(member).GetString();
}
