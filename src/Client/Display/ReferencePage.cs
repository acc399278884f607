using System.Collections;
using System.CommandLine;
using System.CommandLine.Help;
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
        AppendTable(page, "option", root.Options.Where(option => option.Recursive && !option.Hidden).Select(OptionRow));
        foreach (var command in Shown(root))
        {
            Append(page, command, [root.Name, command.Name]);
        }

        return page.ToString();
    }

    private static IEnumerable<Command> Shown(Command command) => command.Subcommands.Where(sub => !sub.Hidden);

    private static void Append(StringBuilder page, Command command, IReadOnlyList<string> path)
    {
        page.Append(CultureInfo.InvariantCulture, $"\n{new string('#', path.Count)} {string.Join(' ', path)}\n{command.Description}\n");
        if (Shown(command).Any())
        {
            foreach (var sub in Shown(command))
            {
                Append(page, sub, [.. path, sub.Name]);
            }

            return;
        }

        page.Append(CultureInfo.InvariantCulture, $"```\n{Usage(command, path)}\n```\n");
        var rows = command
            .Arguments.Where(argument => !argument.Hidden)
            .Select(ArgumentRow)
            .Concat(command.Options.Where(option => !option.Hidden && option is not HelpOption and not VersionOption).Select(OptionRow))
            .ToList();
        if (rows.Count > 0)
        {
            AppendTable(page, command.Arguments.Count > 0 ? "argument or option" : "option", rows);
        }

        if (CommandExamples.ExamplesOf(command) is { Count: > 0 } examples)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"\nExamples:\n```console\n{string.Concat(examples.Select(example => $"$ {example}\n"))}```\n"
            );
        }
    }

    private static void AppendTable(StringBuilder page, string title, IEnumerable<(string Name, string About)> rows)
    {
        page.Append(CultureInfo.InvariantCulture, $"| {title} | meaning |\n|---|---|\n");
        foreach (var (name, about) in rows)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {name} | {about} |\n");
        }
    }

    private static string Usage(Command command, IReadOnlyList<string> path) =>
        string.Join(
            ' ',
            [
                .. path,
                .. command
                    .Arguments.Where(argument => !argument.Hidden)
                    .Select(argument =>
                        (argument.Arity.MinimumNumberOfValues, argument.Arity.MaximumNumberOfValues) switch
                        {
                            (0, 1) => $"[{Name(argument)}]",
                            (0, _) => $"[{Name(argument)}…]",
                            (_, 1) => Name(argument),
                            _ => $"{Name(argument)}…",
                        }
                    ),
                .. command.Options.Where(option => option.Required).Select(option => $"{option.Name} {option.HelpName}".TrimEnd()),
                .. command.Options.Any(option => !option.Required && !option.Hidden) ? ["[options]"] : Array.Empty<string>(),
            ]
        );

    private static (string Name, string About) ArgumentRow(Argument argument) =>
        (Code(Name(argument)), Cell(argument.Description) + Default(argument.HasDefaultValue ? argument.GetDefaultValue() : null));

    private static (string Name, string About) OptionRow(Option option) =>
        (
            string.Join(
                ", ",
                option
                    .Aliases.Where(alias => alias.StartsWith('-'))
                    .Prepend(option.Name)
                    .Distinct()
                    .Order(StringComparer.Ordinal)
                    .Select(Code)
            ) + (option.ValueType != typeof(bool) && option.HelpName is { } value ? $" {Code(value)}" : ""),
            Cell(option.Description)
                + (option.Required ? " Required." : "")
                // A default of an option that every command has may come from the environment; its description says what it is.
                + Default(option.HasDefaultValue && !option.Recursive ? option.GetDefaultValue() : null)
        );

    private static string Name(Argument argument) => argument.HelpName ?? argument.Name;

    private static string Default(object? value) =>
        value switch
        {
            null or false => "",
            Enum word => $" Default: {Code(word.ToString().ToLowerInvariant())}.",
            string text => text.Length > 0 ? $" Default: {Code(text)}." : "",
            IEnumerable several => Default(string.Join(' ', several.Cast<object>())),
            _ => $" Default: {Code(Convert.ToString(value, CultureInfo.InvariantCulture)!)}.",
        };

    private static string Code(string text) => $"`{Cell(text)}`";

    private static string Cell(string? text) =>
        (text ?? "").Replace("|", "\\|", StringComparison.Ordinal).Replace("\n", " ", StringComparison.Ordinal);
}
