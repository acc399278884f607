using Slowrun.Client.Tests.Results;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Commands;

public sealed class CompareCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Compare_OfTwoRuns_ShowsLossesAndOnlyWhereRecipesDiffer()
    {
        var scored = await ScoredRun.CreateAsync(cli);
        await scored.FinishAllAsync();
        var spec = scored.Spec;
        var longer = spec with { Name = "longer", Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 99 } } };
        Assert.True(await new RunDocuments(await cli.StoreAsync(), "longer").TryCreateSpecAsync(longer, CommandLine.Stop));

        Assert.Equal(0, await cli.RunAsync("compare", ScoredRun.Name, "longer", "-o", "json"));

        var json = cli.Json();
        var (first, second) = (json.GetProperty("runs")[0], json.GetProperty("runs")[1]);
        Assert.Equal(ScoredRun.Name, first.GetProperty("name").GetString());
        Assert.Equal(4, first.GetProperty("stagesDone").GetInt32());
        Assert.Equal(0, second.GetProperty("stagesDone").GetInt32());
        await cli.RunAsync("status", ScoredRun.Name, "-o", "json");
        var best = cli.Json()
            .GetProperty("stages")
            .EnumerateArray()
            .Where(stage => stage.GetProperty("role").GetString() == nameof(ChainRole.Members))
            .Min(stage => stage.GetProperty("valLossNats").GetDouble());
        Assert.Equal(best, first.GetProperty("bestMemberLossNats").GetDouble());
        var difference = Assert.Single(json.GetProperty("differences").EnumerateArray());
        Assert.Equal("recipe.stage.epochs", difference.GetProperty("path").GetString());
        Assert.Equal([spec.Recipe.Stage.Epochs, 99], difference.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()));

        Assert.Equal(0, await cli.RunAsync("compare", ScoredRun.Name, "longer"));
        Assert.Matches(@"recipe\.stage\.epochs +\S+ +99", cli.Output);
        Assert.Matches(@"stages done +4 of 4 +0 of 4", cli.Output);
        Assert.Empty(cli.Error);

        Assert.Equal(0, await cli.RunAsync("compare", ScoredRun.Name, "longer", "-o", "csv"));
        Assert.Equal(3, cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task Compare_OfThreeRuns_ShowsOfEachWhatItHas()
    {
        var spec = await cli.HaveRunAsync();
        var distillation = new DistillationRecipe { Temperature = 3 };
        foreach (var (name, taught) in new[] { ("hot", distillation), ("none", (DistillationRecipe?)null) })
        {
            var recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Distillation = taught } };
            Assert.True(
                await new RunDocuments(await cli.StoreAsync(), name).TryCreateSpecAsync(
                    spec with
                    {
                        Name = name,
                        Recipe = recipe,
                    },
                    CommandLine.Stop
                )
            );
        }

        Assert.Equal(0, await cli.RunAsync("compare", "micro", "hot", "none", "-o", "json"));

        var temperature = cli.Json()
            .GetProperty("differences")
            .EnumerateArray()
            .Single(one => one.GetProperty("path").GetString() == "recipe.stage.distillation.temperature");
        Assert.Equal(
            [$"{spec.Recipe.Stage.Distillation!.Temperature}", "3", ""],
            temperature.GetProperty("values").EnumerateArray().Select(value => value.ToString())
        );

        Assert.Equal(2, await cli.RunAsync("compare", "micro", "micro"));
    }

    [Fact]
    public async Task Compare_OfRunsOnOtherData_SaysThatLossesDoNotTell()
    {
        await ScoredRun.CreateAsync(cli);
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("compare", ScoredRun.Name, "micro"));

        Assert.Contains("scored on different text", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_OfRunsThatAreTrainedOnOtherTextAndScoredOnTheSame_WarnsOfNothing()
    {
        var spec = await cli.HaveRunAsync();
        var upload = new DataUpload(await cli.StoreAsync());
        ArrayTokenSet Tokens(params ushort[] ids) => new(ids, [0], [.. Enumerable.Repeat(1, 256), 0]);
        var sha256 = await upload.UploadAsync(
            "bytes",
            Tokens(256, 7, 8, 9, 10),
            null,
            Tokens(256, 1, 2, 3),
            "more",
            null,
            CommandLine.Stop
        );
        var more = spec with { Name = "more", Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } } };
        Assert.True(await new RunDocuments(await cli.StoreAsync(), "more").TryCreateSpecAsync(more, CommandLine.Stop));

        Assert.Equal(0, await cli.RunAsync("compare", "micro", "more"));

        Assert.Empty(cli.Error);
        Assert.Contains("recipe.data.sha256", cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "micro")]
    [InlineData(3, "micro", "mikro")]
    public async Task Compare_OfOneRunOrOfNone_SaysSo(int exitCode, params string[] runs)
    {
        await cli.HaveRunAsync();

        Assert.Equal(exitCode, await cli.RunAsync(["compare", .. runs]));

        Assert.NotEmpty(cli.Error);
    }
}
