namespace Slowrun.Client.Tests.Cli;

/// <summary>What a command will write, and what it is to read, is looked at before the work; and messages are about what the user
/// meant.</summary>
public sealed class PathChecksTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly CommandLine cli = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("demo", "--out", "/nope/there/is/none/x.png")]
    [InlineData("plot", "micro", "-o", "/nope/there/is/none/x.png")]
    public async Task Command_ThatWillWriteWhereNothingIs_SaysSoBeforeAnything(params string[] arguments)
    {
        Assert.Equal(3, await cli.RunAsync(arguments));
        Assert.Contains("the folder '/nope/there/is/none' does not exist", cli.Error, StringComparison.Ordinal);
        Assert.Equal("", cli.Output);
        Assert.Empty(await (await cli.StoreAsync()).ListAsync("", CommandLine.Stop).ToListAsync(CommandLine.Stop));
    }

    [Theory]
    [InlineData("export", "nobody", "--out")]
    [InlineData("export", "nobody", "--ensemble")]
    [InlineData("data", "prepare", "--input", "nothing.txt", "--out")]
    [InlineData("reference", "--man")]
    public async Task Command_WhoseFolderIsAFile_NamesItBeforeItReads(params string[] arguments)
    {
        var file = folder.Write("file", "");

        Assert.Equal(2, await cli.RunAsync([.. arguments, file]));
        Assert.Contains($"{arguments[^1]}: '{file}' is a file; expected a directory", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync([.. arguments, Path.Combine(file, "below")]));
    }

    [Fact]
    public async Task Demo_WhoseChartIsBelowAFile_NamesThatFile()
    {
        var file = folder.Write("file", "");

        Assert.Equal(2, await cli.RunAsync("demo", "--out", Path.Combine(file, "x.png")));
        Assert.Contains($"--out: '{file}' is a file, so '{file}/x.png' cannot be written.", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replay_OfADirectory_SaysThatAFileIsExpected()
    {
        Assert.Equal(2, await cli.RunAsync("plan", "--replay", folder.Path));
        Assert.Contains($"--replay: '{folder.Path}' is a directory; expected a file.", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reference_WhereAPageCannotBeWritten_SaysWhatToDo()
    {
        Directory.CreateDirectory(Path.Combine(folder.Path, "slowrun.1"));

        Assert.Equal(1, await cli.RunAsync("reference", "--man", folder.Path));
        Assert.Contains($"--man: '{folder.Path}' cannot be written: ", cli.Error, StringComparison.Ordinal);
        Assert.Contains("slowrun.1'", cli.Error, StringComparison.Ordinal);
        Assert.Contains("Name another place", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Demo_WhoseChartIsADirectory_SaysSo()
    {
        Assert.Equal(2, await cli.RunAsync("demo", "--out", folder.Path));
        Assert.Contains("is a directory; expected the name of a file", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_OfTextThatIsADirectoryOrNotThere_SaysWhichOption()
    {
        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--text", folder.Path));
        Assert.Contains($"--text: '{folder.Path}' is a directory; expected a file.", cli.Error, StringComparison.Ordinal);
        Assert.Equal(3, await cli.RunAsync("submit", "micro", "--text", Path.Combine(folder.Path, "none.txt")));
        Assert.Contains("--text: there is no file '", cli.Error, StringComparison.Ordinal);
    }

    /// <summary>What a script passes whose variable is not set.</summary>
    [Theory]
    [InlineData("--text", "submit", "micro", "--text", "")]
    [InlineData("--machines", "plan", "micro", "--machines", "")]
    [InlineData("import", "import", "")]
    public async Task Command_WithAnEmptyName_SaysOfWhat(string option, params string[] arguments)
    {
        Assert.Equal(2, await cli.RunAsync(arguments));
        Assert.Contains($"{option}: found an empty name; expected a file's.", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_ToAStoreBelowAFile_NamesThatFile()
    {
        var file = folder.Write("file", "");

        Assert.Equal(2, await cli.RunAsync("submit", "micro", "--store", Path.Combine(file, "a", "b")));
        Assert.Contains($"'{file}' is a file, so there can be no store at '{file}/a/b'.", cli.Error, StringComparison.Ordinal);
    }

    /// <summary>A spec may come from someone else, and its text must not steer the reader's terminal.</summary>
    [Fact]
    public async Task Error_ThatQuotesControlCharacters_WritesThemOut()
    {
        var spec = folder.Write("spec.yaml", "extends: tiny\nrecipe: {model: {layers: \"\\e]0;owned\\a\"}}\n");

        Assert.Equal(2, await cli.RunAsync("spec", "validate", spec));
        Assert.Contains(@"found the text '\x1b]0;owned\x07', expected", cli.Error, StringComparison.Ordinal);
        Assert.Equal(2, await cli.RunAsync("spec", "validate", "tiny", "--\u001b[31mred"));
        Assert.DoesNotContain('\u001b', cli.Error);
    }

    [Fact]
    public async Task List_OfAStoreThatIsAFile_SaysWhatAStoreIs()
    {
        var file = folder.Write("file", "");

        Assert.Equal(3, await cli.RunAsync("list", "--store", file));
        Assert.Contains($"'{file}' is a file; a store is a directory", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("submit", "data.trainTokens=5000", true)]
    [InlineData("submit", "recipe.data.validationTokens=5000", true)]
    [InlineData("run", "data.fitnessTokens=5000", true)]
    [InlineData("submit", "data.source=text", false)]
    public async Task Submit_WithASizeThatTheDataDecides_IsRefused(string command, string set, bool prepared)
    {
        var text = folder.Write("text.txt", "words");

        Assert.Equal(2, await cli.RunAsync(command, "micro", prepared ? "--data" : "--text", prepared ? folder.Path : text, "--set", set));
        Assert.Contains(
            $"--set {set} would change nothing: {(prepared ? "--data" : "--text")} decides data.source",
            cli.Error,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Run_WithDataThatDoesNotSuit_StartsNoSilo()
    {
        var store = Path.Combine(folder.Path, "store");
        var text = folder.Write("short.txt", "too short");

        Assert.NotEqual(0, await cli.RunAsync("run", "micro", "--text", text, "--store", store));
        Assert.DoesNotContain("Starting a silo", cli.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(store, ".logs")));

        Assert.NotEqual(0, await cli.RunAsync("run", "micro", "--set", "data.source=text", "--store", store));
        Assert.DoesNotContain("Starting a silo", cli.Output, StringComparison.Ordinal);
    }
}
