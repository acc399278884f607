using System.CommandLine;
using System.Globalization;
using System.Text;
using Slowrun.Client.Cli;

namespace Slowrun.Client.Display;

/// <summary>A Markdown page about every command, made from the parser's definitions. It does not depend on the machine that makes
/// it.</summary>
internal static class ReferencePage
{
    private const string Beginning = """
        # Command line

        Generated from the commands by `./slowrun reference > docs/cli.md`; a test keeps it up to date. `slowrun COMMAND --help` shows the same in a terminal.

        **Exit codes.** 0: done. 1: failed, also a run that failed, was cancelled or was left before its end. 2: the command line or a spec is wrong. 3: what was named does not exist.
        4: a live silo is needed and none was found. Errors go to standard error, results to standard output.

        **Completion.** `source <(slowrun completion bash)` in `~/.bashrc`; likewise for zsh, fish and PowerShell: [slowrun completion](#slowrun-completion).


        """;

    public static string Of(Command root)
    {
        var page = new StringBuilder(Beginning.ReplaceLineEndings("\n"));
        foreach (var group in CommandGroups.GroupsOf(root))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {group.Title} | |\n|---|---|\n");
            foreach (var command in group.Commands)
            {
                page.Append(CultureInfo.InvariantCulture, $"| [{command.Name}](#slowrun-{command.Name}) | {Cell(command.Description)} |\n");
            }

            page.Append('\n');
        }

        page.Append("Options of every command:\n\n");
        AppendTable(page, "option", CommandFacts.CommonOptions(root));
        foreach (var command in CommandFacts.Of(root).Subcommands)
        {
            Append(page, command, depth: 2);
        }

        return page.ToString();
    }

    private static void Append(StringBuilder page, CommandFacts command, int depth)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n{new string('#', depth)} {command.Path}\n{command.Description}\n");
        if (command.Subcommands.Count > 0)
        {
            foreach (var sub in command.Subcommands)
            {
                Append(page, sub, depth + 1);
            }

            return;
        }

        page.Append(CultureInfo.InvariantCulture, $"```\n{command.Usage}\n```\n");
        if (command.Arguments.Count + command.Options.Count > 0)
        {
            AppendTable(page, command.Arguments.Count > 0 ? "argument or option" : "option", [.. command.Arguments, .. command.Options]);
        }

        if (command.Examples.Count > 0)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"\nExamples:\n```console\n{string.Concat(command.Examples.Select(example => $"$ {example}\n"))}```\n"
            );
        }
    }

    private static void AppendTable(StringBuilder page, string title, IReadOnlyList<OptionFacts> rows)
    {
        page.Append(CultureInfo.InvariantCulture, $"| {title} | meaning |\n|---|---|\n");
        foreach (var row in rows)
        {
            var names = string.Join(", ", row.Names.Select(Code)) + (row.Value is { } value ? $" {Code(value)}" : "");
            var about =
                Cell(row.Description) + (row.IsRequired ? " Required." : "") + (row.Default is { } text ? $" Default: {Code(text)}." : "");
            page.Append(CultureInfo.InvariantCulture, $"| {names} | {about} |\n");
        }
    }

    private static string Code(string text) => $"`{Cell(text)}`";

    private static string Cell(string? text) =>
        (text ?? "").Replace("|", "\\|", StringComparison.Ordinal).Replace("\n", " ", StringComparison.Ordinal);
}
