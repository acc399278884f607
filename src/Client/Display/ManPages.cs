using System.CommandLine;
using System.Globalization;
using System.Text;
using Slowrun.Client.Cli;

namespace Slowrun.Client.Display;

/// <summary>Manual pages (man(7)) of the program and of each command, made from the parser's definitions.</summary>
internal static class ManPages
{
    private const string ExitStatus = """
        .TP
        .B 0
        Done.
        .TP
        .B 1
        Failed, also a run that failed, was cancelled or was left before its end.
        .TP
        .B 2
        The command line or a spec is wrong.
        .TP
        .B 3
        What was named does not exist.
        .TP
        .B 4
        A live silo is needed and none was found.

        """;

    /// <param name="date">The pages' date; given, so that the same sources make the same bytes.</param>
    /// <returns>File names and texts: <c>slowrun.1</c>, and <c>slowrun-COMMAND.1</c> for each command.</returns>
    public static IEnumerable<(string FileName, string Text)> Of(Command root, string version, DateOnly date)
    {
        var program = CommandFacts.Of(root);
        var common = CommandFacts.CommonOptions(root);
        yield return ($"{program.Path}.1", ProgramPage(program, CommandGroups.GroupsOf(root), common, version, date));
        foreach (var command in program.Subcommands)
        {
            yield return ($"{PageName(command)}.1", CommandPage(command, program, common, version, date));
        }
    }

    private static string ProgramPage(
        CommandFacts program,
        IReadOnlyList<CommandGroup> groups,
        IReadOnlyList<OptionFacts> common,
        string version,
        DateOnly date
    )
    {
        var page = Begin(program, version, date);
        Section(page, "SYNOPSIS");
        page.Append(CultureInfo.InvariantCulture, $".B {Text(program.Path)}\n.I COMMAND\n[options]\n");
        Section(page, "DESCRIPTION");
        Paragraph(page, program.Description);
        foreach (var group in groups)
        {
            page.Append(CultureInfo.InvariantCulture, $".SS {Text(group.Title)}\n");
            foreach (var command in group.Commands)
            {
                page.Append(CultureInfo.InvariantCulture, $".TP\n.BR {Text($"{program.Path}-{command.Name}")} (1)\n");
                Paragraph(page, command.Description ?? "");
            }
        }

        Section(page, "OPTIONS OF EVERY COMMAND");
        Rows(page, common);
        Section(page, "EXIT STATUS");
        page.Append(ExitStatus.ReplaceLineEndings("\n"));
        Examples(page, program.Examples);
        return page.ToString();
    }

    private static string CommandPage(
        CommandFacts command,
        CommandFacts program,
        IReadOnlyList<OptionFacts> common,
        string version,
        DateOnly date
    )
    {
        var page = Begin(command, version, date);
        Section(page, "SYNOPSIS");
        page.AppendJoin(".br\n", Leaves(command).Select(leaf => Line(leaf.Usage)));
        Section(page, "DESCRIPTION");
        Paragraph(page, command.Description);
        if (command.Subcommands.Count == 0)
        {
            Options(page, command, "OPTIONS");
        }

        foreach (var leaf in Leaves(command).Where(leaf => leaf != command))
        {
            Section(page, leaf.Path.ToUpperInvariant());
            Paragraph(page, leaf.Description);
            Rows(page, [.. leaf.Arguments, .. leaf.Options]);
        }

        Section(page, "OPTIONS OF EVERY COMMAND");
        Rows(page, common);
        Examples(page, [.. Leaves(command).Prepend(command).SelectMany(each => each.Examples).Distinct()]);
        Section(page, "SEE ALSO");
        page.Append(CultureInfo.InvariantCulture, $".BR {Text(program.Path)} (1)\n");
        return page.ToString();
    }

    /// <returns>The commands below it that do something: itself where it has no subcommands.</returns>
    private static IEnumerable<CommandFacts> Leaves(CommandFacts command) =>
        command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);

    private static StringBuilder Begin(CommandFacts command, string version, DateOnly date)
    {
        var name = PageName(command);
        var page = new StringBuilder();
        page.Append(
            CultureInfo.InvariantCulture,
            $".TH {Text(name.ToUpperInvariant())} 1 {date:yyyy-MM-dd} \"slowrun {Text(version)}\" \"Slowrun\"\n"
        );
        Section(page, "NAME");
        page.Append(CultureInfo.InvariantCulture, $"{Text(name)} \\- {Text(FirstSentence(command.Description))}\n");
        return page;
    }

    private static void Options(StringBuilder page, CommandFacts command, string title)
    {
        if (command.Arguments.Count + command.Options.Count > 0)
        {
            Section(page, title);
            Rows(page, [.. command.Arguments, .. command.Options]);
        }
    }

    private static void Rows(StringBuilder page, IEnumerable<OptionFacts> rows)
    {
        foreach (var row in rows)
        {
            var names = string.Join(", ", row.Names.Select(name => $"\\fB{Text(name)}\\fR"));
            var value = row.Value is { } text ? $" \\fI{Text(text)}\\fR" : "";
            page.Append(CultureInfo.InvariantCulture, $".TP\n{names}{value}\n");
            Paragraph(
                page,
                row.Description + (row.IsRequired ? " Required." : "") + (row.Default is { } standard ? $" Default: {standard}." : "")
            );
        }
    }

    private static void Examples(StringBuilder page, IReadOnlyList<string> examples)
    {
        if (examples.Count > 0)
        {
            Section(page, "EXAMPLES");
            page.Append(".nf\n");
            foreach (var example in examples)
            {
                page.Append(Line($"$ {example}"));
            }

            page.Append(".fi\n");
        }
    }

    private static void Section(StringBuilder page, string title) =>
        page.Append(CultureInfo.InvariantCulture, $".SH \"{Text(title).Replace("\"", "\\(dq", StringComparison.Ordinal)}\"\n");

    private static void Paragraph(StringBuilder page, string text) => page.Append(Line(text.Replace('\n', ' ')));

    private static string Line(string text) => $"{Text(text)}\n";

    private static string PageName(CommandFacts command) => command.Path.Replace(' ', '-');

    private static string FirstSentence(string description)
    {
        var line = description.Replace('\n', ' ');
        var end = line.IndexOf(". ", StringComparison.Ordinal);
        return (end < 0 ? line : line[..end]).TrimEnd('.');
    }

    /// <summary>Text that roff shows as it is: hyphens can be copied to a terminal, and no line is taken for a request.</summary>
    private static string Text(string text)
    {
        var shown = text.Replace("\\", "\\(rs", StringComparison.Ordinal)
            .Replace("-", "\\-", StringComparison.Ordinal)
            .Replace("'", "\\(aq", StringComparison.Ordinal)
            .Replace("^", "\\(ha", StringComparison.Ordinal)
            .Replace("~", "\\(ti", StringComparison.Ordinal)
            .Replace("`", "\\(ga", StringComparison.Ordinal);
        return shown.StartsWith('.') ? $"\\&{shown}" : shown;
    }
}
