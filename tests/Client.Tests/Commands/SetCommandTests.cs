using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class SetCommandTests
{
    private readonly CommandLine cli = new();

    [Fact]
    public async Task Set_OfOperations_IsKeptInTheStoreAndShown()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("set", "micro", "checkpoint.interval=5m", "retention.keep=3", "operations.priority=2"));
        Assert.Contains("operations.checkpointAtMostEvery: 0s → 5m", cli.Output, StringComparison.Ordinal);

        var operations = (await Documents()).Operations;
        Assert.Equal(
            (TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5), 3, 2),
            (operations.CheckpointAtLeastEvery, operations.CheckpointAtMostEvery, operations.KeepCheckpoints, operations.Priority)
        );
        await cli.RunAsync("status", "micro", "-o", "json");
        Assert.Equal(3, cli.Json().GetProperty("operations").GetProperty("keepCheckpoints").GetInt32());
        await cli.RunAsync("spec", "show", "run:micro");
        Assert.Matches("  keepCheckpoints: 3 +# from slowrun set operations.keepCheckpoints=3; run micro:\\d+ has 2", cli.Output);
        await cli.RunAsync("events", "micro");
        Assert.Contains("operations-changed", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Set_AfterSet_KeepsWhatTheFirstChanged()
    {
        await cli.HaveRunAsync();
        await cli.RunAsync("set", "micro", "keepCheckpoints=3");

        Assert.Equal(0, await cli.RunAsync("set", "micro", "priority=7"));
        Assert.Equal(0, await cli.RunAsync("set", "micro", "priority=7"));
        Assert.Contains("has these operations already", cli.Output, StringComparison.Ordinal);

        Assert.Equal((3, 7), ((await Documents()).Operations.KeepCheckpoints, (await Documents()).Operations.Priority));
    }

    [Theory]
    [InlineData("stage.epochs=5", "recipe.stage.epochs is 2, and would become 5\n")]
    [InlineData("stage.epochs=9", "recipe.stage.epochs is 2, and would become 9\n")]
    [InlineData("name=12", "name is \"micro\", and would become 12\n")]
    [InlineData("recipe.seed=7", "recipe.seed is 42, and would become 7")]
    [InlineData("stage.recurrence.passes=2", "recipe.stage.recurrence.passes is nothing, and would become 2")]
    [InlineData("chains[0].stages=4", "recipe.chains.0.stages is 2, and would become 4")]
    [InlineData("name=other", "name is \"micro\", and would become other")]
    public async Task Set_OfTheRecipe_IsRefusedWithBothValues(string assignment, string message)
    {
        await cli.HaveRunAsync();

        Assert.Equal(2, await cli.RunAsync("set", "micro", "priority=3", assignment));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Documents()).Operations.Priority);
    }

    [Theory]
    [InlineData("set keepCheckpoint=3: recipe: there is no field 'keepCheckpoint'", "keepCheckpoint=3")]
    [InlineData("Did you mean 'keepCheckpoints'?", "operations.keepCheckpoint=3")]
    [InlineData("Did you mean 'operations.keepCheckpoints'?", "keepCheckpoint=3")]
    [InlineData("Did you mean 'operations.priority'?", "prioritty=3")]
    [InlineData("found 'many', expected a whole number", "priority=many")]
    [InlineData("expected 2 to 10000: a damaged checkpoint needs one before it", "keepCheckpoints=1")]
    [InlineData("expected a time up to checkpointAtMostEvery", "checkpointAtLeastEvery=1h")]
    [InlineData("2 problems", "priority=many", "keepCheckpoints=few")]
    [InlineData("expected path=value", "priority")]
    public async Task Set_OfSomethingWrong_SaysAllOfIt(string message, params string[] assignments)
    {
        await cli.HaveRunAsync();

        Assert.Equal(2, await cli.RunAsync(["set", "micro", .. assignments]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    private async Task<Core.Recipes.RunSpec> Documents() =>
        (await new RunDocuments(await cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop))!;
}
