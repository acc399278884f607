using System.CommandLine;

namespace Slowrun.Client.Cli;

/// <summary>The program's own help: its commands by group, short enough for a terminal of 80 columns and 24 lines.</summary>
internal static class ProgramHelp
{
    private const int Columns = 80;
    private const int TitleColumns = 9;

    public static IEnumerable<string> Of(Command program) =>
        [
            .. Wrapped("", program.Description!.Split(' ')),
            "",
            $"Usage: {program.Name} COMMAND [options]",
            "",
            .. CommandGroups
                .GroupsOf(program)
                .SelectMany(group => Wrapped(group.Title, Listed([.. group.Commands.Select(command => command.Name)]))),
            "",
            $"{program.Name} COMMAND --help    arguments, options and examples of a command",
            $"{program.Name} --help --verbose  what each command does, in a line",
            "",
            .. Wrapped(
                "Options",
                (
                    "--store STORE: a directory, azblob://account/container, s3://bucket/prefix or gs://bucket/prefix; "
                    + "default .slowrun, or SLOWRUN_STORE. --verbose, --version."
                ).Split(' ')
            ),
            "",
        ];

    private static IEnumerable<string> Listed(IReadOnlyList<string> names) =>
        names.Select((name, i) => i < names.Count - 1 ? $"{name}," : name);

    /// <summary>Words in lines, behind a title that stands in a column of its own; without a title in no column.</summary>
    private static IEnumerable<string> Wrapped(string title, IEnumerable<string> words)
    {
        var indent = title.Length > 0 ? TitleColumns : 0;
        var line = title.PadRight(indent);
        var isEmpty = true;
        foreach (var word in words)
        {
            if (!isEmpty && line.Length + 1 + word.Length > Columns)
            {
                yield return line;
                (line, isEmpty) = (new string(' ', indent), true);
            }

            line += isEmpty ? word : $" {word}";
            isEmpty = false;
        }

        yield return line;
    }
}
