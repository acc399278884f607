using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Commands;
using Slowrun.Client.Display;

namespace Slowrun.Client.Tests.Display;

public sealed class ManPagesTests
{
    private static readonly DateOnly Date = new(2026, 1, 2);
    private static readonly Command Root = SlowrunCommand.Create(new CommandLine().Context, new CommonOptions());
    private static readonly Dictionary<string, string> Pages = ManPages
        .Of(Root, "1.2.3", Date)
        .ToDictionary(page => page.FileName, page => page.Text);

    public static TheoryData<string> Names => [.. Root.Subcommands.Where(command => !command.Hidden).Select(command => command.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Page_OfACommand_HasAllItsOptionsAndExamples(string name)
    {
        var page = Pages[$"slowrun-{name}.1"];

        Assert.StartsWith(
            $".TH SLOWRUN\\-{name.ToUpperInvariant()} 1 2026-01-02 \"slowrun 1.2.3\" \"Slowrun\"\n.SH \"NAME\"\n",
            page,
            StringComparison.Ordinal
        );
        foreach (var command in All(Root.Subcommands.Single(command => command.Name == name)))
        {
            Assert.All(
                command.Options.Where(option => !option.Hidden),
                option => Assert.Contains(Escaped(option.Name), page, StringComparison.Ordinal)
            );
            Assert.All(CommandExamples.ExamplesOf(command), example => Assert.Contains(Escaped(example), page, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Page_OfTheProgram_NamesEveryCommandAndExitCode()
    {
        var page = Pages["slowrun.1"];

        Assert.All(Names, row => Assert.Contains($".BR slowrun\\-{Escaped(row.Data)} (1)\n", page, StringComparison.Ordinal));
        Assert.All(new[] { 0, 1, 2, 3, 4 }, code => Assert.Contains($".B {code}\n", page, StringComparison.Ordinal));
        Assert.Equal(Names.Count + 1, Pages.Count);
    }

    [Fact]
    public void Page_OfTextThatRoffWouldRead_ShowsIt()
    {
        var program = new Command("program", "Ends. And more.")
        {
            new Command("one", @".hidden by a dot, 'quoted', a\b, ~home")
            {
                new Option<string>("--path") { HelpName = "^", Description = "'x" },
            },
        };

        var page = ManPages.Of(program, "1", Date).Single(page => page.FileName == "program-one.1").Text;

        Assert.Contains("\n\\&.hidden by a dot, \\(aqquoted\\(aq, a\\(rsb, \\(tihome\n", page, StringComparison.Ordinal);
        Assert.Contains("\n\\fB\\-\\-path\\fR \\fI\\(ha\\fR\n\\(aqx\n", page, StringComparison.Ordinal);
        Assert.All(page.Split('\n'), line => Assert.False(line.StartsWith('\''), line));
    }

    [Fact]
    public async Task Reference_WithMan_WritesThePagesIntoTheFolder()
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-man-");
        try
        {
            var cli = new CommandLine();

            Assert.Equal(0, await cli.RunAsync("reference", "--man", Path.Combine(folder.FullName, "man1"), "--date", "2026-01-02"));

            Assert.Equal(Pages.Keys.Order(), Directory.GetFiles(Path.Combine(folder.FullName, "man1")).Select(Path.GetFileName).Order());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<Command> All(Command command) => [command, .. command.Subcommands.Where(sub => !sub.Hidden).SelectMany(All)];

    private static string Escaped(string text) =>
        text.Replace(@"\", @"\(rs", StringComparison.Ordinal)
            .Replace("-", @"\-", StringComparison.Ordinal)
            .Replace("'", @"\(aq", StringComparison.Ordinal)
            .Replace("^", @"\(ha", StringComparison.Ordinal)
            .Replace("~", @"\(ti", StringComparison.Ordinal)
            .Replace("`", @"\(ga", StringComparison.Ordinal);
}
