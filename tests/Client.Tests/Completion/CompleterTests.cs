using Slowrun.Core;

namespace Slowrun.Client.Tests.Completion;

public sealed class CompleterTests
{
    private readonly CommandLine cli = new();

    [Theory]
    [InlineData("slowrun sta", "status")]
    [InlineData("slowrun checkpoints ", "list", "verify", "gc", "repair")]
    [InlineData("./slowrun spec sh", "show")]
    [InlineData("slowrun status x --wat", "--watch")]
    [InlineData("slowrun status x --sto", "--store")]
    [InlineData("slowrun status x -o j", "json")]
    [InlineData("slowrun status x --output=j", "--output=json")]
    [InlineData("slowrun chaos tiny --mode kill fr", "freeze")]
    [InlineData("slowrun list --state ", "pending", "running", "paused", "succeeded", "failed", "cancelled")]
    [InlineData("slowrun list --state running fa", "failed")]
    [InlineData("slowrun run tiny --set model.lay", "model.layers=")]
    [InlineData("slowrun run tiny --set=recipe.stage.ep", "--set=recipe.stage.epochs=")]
    [InlineData("slowrun run tiny --set seed=3 --set operations.keep", "operations.keepCheckpoints=")]
    [InlineData("slowrun run tiny --set chains[0].sta", "chains[0].stages=", "chains[0].stage=")]
    [InlineData("slowrun run tiny --set chains[0].role=", "chains[0].role=Members", "chains[0].role=Baseline")]
    [InlineData("slowrun run tiny --set model.layers=")]
    [InlineData("slowrun completion ", "bash", "zsh", "fish", "pwsh")]
    [InlineData("slowrun run tin", "tiny", ":files")]
    [InlineData("slowrun run --name first tin", "tiny", ":files")]
    [InlineData("slowrun list --store ", ":folders")]
    [InlineData("slowrun list --store=", ":folders")]
    [InlineData("slowrun data prepare --input book.txt ", ":files")]
    [InlineData("slowrun set demo keep", "keepCheckpoints=")]
    [InlineData("slowrun status --watch st")]
    [InlineData("slowrun status demo ")]
    [InlineData("slowrun run tiny --name ")]
    [InlineData("slowrun nonsense ")]
    [InlineData("slowrun comple", "completion")]
    public async Task Complete_OfALine_OffersWhatMayStandThere(string line, params string[] candidates) =>
        Assert.Equal(candidates, await CompleteAsync(line));

    [Fact]
    public async Task Complete_OfARun_OffersThoseOfTheStore()
    {
        await cli.HaveRunAsync("quiet-run");
        await cli.HaveRunAsync("quick-run");

        Assert.Equal(["quick-run", "quiet-run"], await CompleteAsync("slowrun status qui"));
        Assert.Equal(["quiet-run"], await CompleteAsync("slowrun status --watch quie"));
        Assert.Equal(["quiet-run"], await CompleteAsync("slowrun pause quiet"));
        Assert.Equal(["run:quiet-run"], await CompleteAsync("slowrun spec show run:quie"));
    }

    [Fact]
    public async Task Complete_OfAStage_OffersThoseOfTheRun()
    {
        await cli.HaveRunAsync();

        Assert.Equal(["micro/chain0/stage0", "micro/chain0/stage1"], await CompleteAsync("slowrun pause micro/"));
        Assert.Empty(await CompleteAsync("slowrun pause other/"));
    }

    [Fact]
    public async Task Complete_OfASilo_OffersThoseThatServe()
    {
        var row = new
        {
            ETag = "1",
            Silo = "127.0.0.1:2@0",
            SiloName = "gpu-3",
            Status = "Active",
            IAmAliveTime = CommandLine.Start.UtcDateTime,
        };
        await (await cli.StoreAsync()).WriteAsync(
            "cluster/membership",
            CanonicalJson.Serialize(
                new
                {
                    Format = 1,
                    Version = 1,
                    WriteId = "1",
                    Rows = new[] { row },
                }
            ),
            CommandLine.Stop
        );

        Assert.Equal(["gpu-3"], await CompleteAsync("slowrun drain "));
    }

    [Fact]
    public async Task Complete_TakesTheStoreThatTheLineNames()
    {
        await cli.HaveRunAsync("elsewhere");

        Assert.Empty(await CompleteAsync($"slowrun status --store {Path.GetTempPath()}/none-of-that-name els"));
        Assert.Empty(await CompleteAsync("slowrun status --store '' els"));
    }

    [Fact]
    public async Task Complete_OfABrokenStore_OffersNothingAndSaysNothing()
    {
        await (await cli.StoreAsync()).WriteAsync("cluster/membership", "{"u8.ToArray(), CommandLine.Stop);
        await (await cli.StoreAsync()).WriteAsync("runs/broken/spec", "{"u8.ToArray(), CommandLine.Stop);

        Assert.Empty(await CompleteAsync("slowrun drain "));
        Assert.Empty(await CompleteAsync("slowrun pause broken/"));
        Assert.Empty(await CompleteAsync("slowrun pause ../"));
    }

    [Fact]
    public async Task Complete_ShowsWhatThingsAre()
    {
        Assert.Equal(0, await cli.RunAsync("complete", "slowrun spec validat"));
        Assert.Equal("validate\tChecks a spec, and reports every problem at once\n", cli.Output);
    }

    private async Task<string[]> CompleteAsync(string line)
    {
        Assert.Equal(0, await cli.RunAsync("complete", line));
        Assert.Empty(cli.Error);
        return [.. cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(candidate => candidate.Split('\t')[0])];
    }
}
