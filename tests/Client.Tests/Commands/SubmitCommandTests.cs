using Slowrun.Core.Recipes;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Commands;

public sealed class SubmitCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Submit_OfANewRun_UploadsItsDataAndWritesItsSpec()
    {
        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--text", Text("a", 1)));
        Assert.Contains("Run 'micro' is submitted. No silo serves", cli.Output, StringComparison.Ordinal);

        var spec = await SpecAsync();
        var manifest = await new StoredTokenSets(await cli.StoreAsync()).ReadManifestAsync(spec.Recipe.Data.Sha256!, CommandLine.Stop);
        Assert.Equal((spec.Recipe.Data.TrainTokens, "bytes", "text"), (manifest.Train.Tokens, manifest.Tokenizer, spec.Recipe.Data.Source));
        Assert.Contains("a.txt", manifest.Source, StringComparison.Ordinal);
        Assert.Contains("validation's 40-character windows", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WhereNoSiloHasRoom_WarnsWithFigures()
    {
        await cli.HaveSilosAsync(["cuda:0", "cuda:1"], [1_000_000, 2_000_000], ["gpu-1"]);

        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--text", Text("a", 1)));
        Assert.Contains("Run 'micro' is submitted.", cli.Output, StringComparison.Ordinal);
        Assert.Matches(
            @"Warning: no silo that serves the store has room for it, and it waits for one that has\. chain0/stage\d needs [\d.]+ [GM]B on the device, cuda:1 has 2 MB: ",
            cli.Error
        );
    }

    [Theory]
    [InlineData(new long[] { 1, 1L << 40 })]
    [InlineData(null)]
    public async Task Submit_WhereASiloHasRoomOrDoesNotTell_WarnsOfNothing(long[]? bytes)
    {
        await cli.HaveSilosAsync(["cuda:0", "cuda:1"], bytes, ["gpu-1"]);

        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--text", Text("a", 1)));
        Assert.DoesNotContain("Warning", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithNoSiloOnASmallMachine_WarnsOfThisMachine()
    {
        cli.MachineSlots = [new("cpu:0", 1_000_000)];

        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--text", Text("a", 1)));
        Assert.Contains("Warning: this machine is too small to train it. chain0/stage", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OnAMachineThatIsTooSmall_IsRefusedBeforeAnythingIsStarted()
    {
        cli.MachineSlots = [new("cpu:0", 1_000_000)];

        Assert.Equal(1, await cli.RunAsync("run", "micro", "--text", Text("a", 1)));
        Assert.Matches(
            @"has no room on this machine, and no silo serves the store: chain0/stage\d needs [\d.]+ MB of memory, the machine of cpu:0 has 1 MB: ",
            cli.Error
        );
        Assert.Empty(await (await cli.StoreAsync()).ListAsync("runs/", CommandLine.Stop).ToListAsync(CommandLine.Stop));
    }

    [Fact]
    public async Task Submit_Again_FindsTheRunThere()
    {
        var text = Text("a", 1);
        await cli.RunAsync("submit", "micro", "--text", text);

        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--text", text));
        Assert.Contains("was there already", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithoutTextForARunThatHasIts_KeepsItsData()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("submit", "micro"));
        Assert.Contains("was there already", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithAnotherRecipeUnderTheName_IsRefusedWithBothValues()
    {
        await cli.HaveRunAsync();

        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--set", "seed=7", "--set", "stage.dropout=0.3"));
        Assert.Contains("recipe.seed: 42 there, 7 here", cli.Error, StringComparison.Ordinal);
        Assert.Contains("recipe.stage.dropout: 0.1 there, 0.3 here", cli.Error, StringComparison.Ordinal);
        Assert.Equal(42, (await SpecAsync()).Recipe.Seed);
    }

    [Fact]
    public async Task Submit_WithOtherTextUnderTheName_IsRefused()
    {
        await cli.RunAsync("submit", "micro", "--text", Text("a", 1));

        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--text", Text("b", 2)));
        Assert.Contains("recipe.data.sha256", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_WithOtherOperations_KeepsTheStoredOnesAndSaysSo()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("submit", "micro", "--set", "operations.priority=5"));
        Assert.Contains("operations.priority: 0 there, 5 here", cli.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await SpecAsync()).Operations.Priority);
    }

    [Fact]
    public async Task Submit_OfTextSourceWithoutText_SaysHowToGiveIt()
    {
        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--set", "data.source=text"));
        Assert.Contains("--text FILE", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_OfADataHashThatNobodyUploaded_IsRefused()
    {
        Assert.Equal(1, await cli.RunAsync("submit", "micro", "--set", $"data.sha256={new string('a', 64)}"));
        Assert.Contains("missing from the store", cli.Error, StringComparison.Ordinal);
        Assert.Null(await new RunDocuments(await cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop));
    }

    private async Task<RunSpec> SpecAsync() =>
        (await new RunDocuments(await cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop))!;

    private string Text(string name, int seed)
    {
        var random = new Random(seed);
        return folder.Write(
            $"{name}.txt",
            string.Join(
                "\n\n",
                Enumerable.Range(0, 200).Select(_ => string.Join(' ', Enumerable.Range(0, 30).Select(_ => random.Next(100_000, 999_999))))
            )
        );
    }
}
