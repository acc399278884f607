using System.CommandLine;
using System.Text.RegularExpressions;
using Slowrun.Client.Cli;
using Slowrun.Client.Commands;
using Slowrun.Client.Completion;

namespace Slowrun.Client.Tests.Cli;

/// <summary>Holds for every command that there is, also for those that are added later.</summary>
public sealed partial class CommandTreeTests
{
    private static readonly Command Root = SlowrunCommand.Create(new CommandLine().Context, new CommonOptions());

    private readonly CommandLine cli = new();

    public static TheoryData<string> Paths => [.. Tree(Root, "").Select(entry => entry.Path)];

    [Theory]
    [MemberData(nameof(Paths))]
    public void Command_SaysWhatItIsForAndWhatItsOptionsMean(string path)
    {
        var command = Find(path);

        Assert.All(
            [.. command.Arguments, .. command.Options, (Symbol)command],
            symbol => Assert.False(string.IsNullOrWhiteSpace(symbol.Description), $"'{path}': {symbol.Name} has no description.")
        );
        Assert.All(command.Options, option => Assert.Matches("^--[a-z0-9-]+$", option.Name));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Examples_ParseAndShowTheCommandThatTheyAreOf(string path)
    {
        var command = Find(path);
        var examples = CommandExamples.ExamplesOf(command);

        Assert.NotEmpty(examples);
        Assert.All(
            examples,
            example =>
            {
                var parsed = Root.Parse(Arguments(example));
                Assert.True(parsed.Errors.Count == 0, $"'{example}': {string.Join(' ', parsed.Errors.Select(error => error.Message))}");
                Assert.Contains(command, Chain(parsed));
            }
        );
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Options_ThatAreNumbers_RefuseWordsInASentence(string path)
    {
        foreach (
            var option in Find(path).Options.Where(option => IsNumber(Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType))
        )
        {
            Assert.Equal(2, await cli.RunAsync([.. path.Split(' '), option.Name, "many"]));
            Assert.StartsWith("slowrun: ", cli.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("System.", cli.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Help_EndsWithTheExamples(string path)
    {
        Assert.Equal(0, await cli.RunAsync([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]));

        Assert.Contains("Examples:", cli.Output, StringComparison.Ordinal);
        Assert.Contains(CommandExamples.ExamplesOf(Find(path))[^1], cli.Output, StringComparison.Ordinal);
        Assert.Empty(cli.Error);
    }

    [Fact]
    public async Task CliPage_IsWhatTheCommandsSay()
    {
        Assert.Equal(0, await cli.RunAsync("reference"));

        var page = Path.Combine(Repository(), "docs", "cli.md");
        Assert.True(
            cli.Output == await File.ReadAllTextAsync(page, CommandLine.Stop),
            "docs/cli.md is not what the commands say. './slowrun reference > docs/cli.md' makes it anew."
        );
    }

    [Fact]
    public async Task Help_OfTheProgram_FitsATerminalAndNamesEveryCommand()
    {
        Assert.Equal(0, await cli.RunAsync("--help"));

        // The last line of a terminal is the prompt's.
        var lines = cli.Output.TrimEnd().Split('\n');
        Assert.InRange(lines.Length, 1, 23);
        Assert.All(lines, line => Assert.InRange(line.TrimEnd().Length, 0, 80));
        Assert.All(Root.Subcommands.Where(command => !command.Hidden), command => Assert.Matches($@"\b{command.Name}\b", cli.Output));

        Assert.Equal(0, await cli.RunAsync("--help", "--verbose"));
        Assert.Contains("Lists the runs of a store.", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Readme_NamesTheCommandsByTheGroupsOfHelp()
    {
        var rows = await File.ReadAllLinesAsync(Path.Combine(Repository(), "README.md"), CommandLine.Stop);

        Assert.All(
            CommandGroups.GroupsOf(Root),
            group =>
            {
                var row = Assert.Single(rows, line => line.StartsWith($"| **{group.Title}** |", StringComparison.Ordinal));
                Assert.All(group.Commands, command => Assert.Matches($@"`{command.Name}\b", row));
            }
        );
    }

    private static IEnumerable<(string Path, Command Command)> Tree(Command command, string path) =>
        command.Subcommands.SelectMany(sub => Tree(sub, $"{path} {sub.Name}".TrimStart())).Prepend((path, command));

    private static bool IsNumber(Type type) => type.IsPrimitive && type != typeof(bool);

    private static Command Find(string path) => Tree(Root, "").Single(entry => entry.Path == path).Command;

    /// <summary>The words of the first call of slowrun in a line of shell.</summary>
    private static List<string> Arguments(string example) => [.. ShellWords.Split(Call().Match(example).Value).Skip(1)];

    private static IEnumerable<Command> Chain(ParseResult parsed)
    {
        for (System.CommandLine.Parsing.SymbolResult? result = parsed.CommandResult; result is not null; result = result.Parent)
        {
            if (result is System.CommandLine.Parsing.CommandResult command)
            {
                yield return command.Command;
            }
        }
    }

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Slowrun.sln")))
        {
            folder =
                Path.GetDirectoryName(folder)
                ?? throw new InvalidOperationException($"No folder above '{AppContext.BaseDirectory}' has Slowrun.sln.");
        }

        return folder;
    }

    [GeneratedRegex(@"slowrun.*?(?= \| | > | < |\)|$)")]
    private static partial Regex Call();
}
