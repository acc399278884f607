using System.Collections;
using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using Slowrun.Client.Cli;

namespace Slowrun.Client.Display;

/// <summary>What pages say of a command, taken from the parser's definitions. It does not depend on the machine that makes them.</summary>
/// <param name="Path">The program's name and the command's, as they are typed.</param>
/// <param name="Usage">A line; of use only where there are no subcommands.</param>
/// <param name="Subcommands">Those that help shows.</param>
internal sealed record CommandFacts(
    string Path,
    string Description,
    string Usage,
    IReadOnlyList<OptionFacts> Arguments,
    IReadOnlyList<OptionFacts> Options,
    IReadOnlyList<string> Examples,
    IReadOnlyList<CommandFacts> Subcommands
)
{
    public static CommandFacts Of(Command command) => Of(command, [command.Name]);

    /// <returns>Options that each command has, its own help and version aside.</returns>
    public static IReadOnlyList<OptionFacts> CommonOptions(Command program) =>
        [.. program.Options.Where(option => option.Recursive && !option.Hidden).Select(OptionFacts.Of)];

    private static CommandFacts Of(Command command, IReadOnlyList<string> path) =>
        new(
            string.Join(' ', path),
            command.Description ?? "",
            UsageOf(command, path),
            [.. command.Arguments.Where(argument => !argument.Hidden).Select(OptionFacts.Of)],
            [.. command.Options.Where(option => !option.Hidden && option is not HelpOption and not VersionOption).Select(OptionFacts.Of)],
            CommandExamples.ExamplesOf(command),
            [.. command.Subcommands.Where(sub => !sub.Hidden).Select(sub => Of(sub, [.. path, sub.Name]))]
        );

    private static string UsageOf(Command command, IReadOnlyList<string> path) =>
        string.Join(
            ' ',
            [
                .. path,
                .. command
                    .Arguments.Where(argument => !argument.Hidden)
                    .Select(argument =>
                        (argument.Arity.MinimumNumberOfValues, argument.Arity.MaximumNumberOfValues) switch
                        {
                            (0, 1) => $"[{OptionFacts.NameOf(argument)}]",
                            (0, _) => $"[{OptionFacts.NameOf(argument)}…]",
                            (_, 1) => OptionFacts.NameOf(argument),
                            _ => $"{OptionFacts.NameOf(argument)}…",
                        }
                    ),
                .. command.Options.Where(option => option.Required).Select(option => $"{option.Name} {option.HelpName}".TrimEnd()),
                .. command.Options.Any(option => !option.Required && !option.Hidden) ? ["[options]"] : Array.Empty<string>(),
            ]
        );
}

/// <summary>An argument or an option of a command.</summary>
/// <param name="Names">An argument's one name, or an option's name and aliases in their order.</param>
/// <param name="Value">What the option takes; <see langword="null"/> for an argument, and for an option that is given or not.</param>
/// <param name="Default"><see langword="null"/> where there is none to be said.</param>
internal sealed record OptionFacts(IReadOnlyList<string> Names, string? Value, string Description, bool IsRequired, string? Default)
{
    public static OptionFacts Of(Argument argument) =>
        new(
            [NameOf(argument)],
            null,
            argument.Description ?? "",
            IsRequired: false,
            DefaultOf(argument.HasDefaultValue ? argument.GetDefaultValue() : null)
        );

    public static OptionFacts Of(Option option) =>
        new(
            [.. option.Aliases.Where(alias => alias.StartsWith('-')).Prepend(option.Name).Distinct().Order(StringComparer.Ordinal)],
            option.ValueType != typeof(bool) ? option.HelpName : null,
            option.Description ?? "",
            option.Required,
            // A default of an option that every command has may come from the environment; its description says what it is.
            DefaultOf(option.HasDefaultValue && !option.Recursive ? option.GetDefaultValue() : null)
        );

    public static string NameOf(Argument argument) => argument.HelpName ?? argument.Name;

    private static string? DefaultOf(object? value) =>
        value switch
        {
            null or false => null,
            Enum word => word.ToString().ToLowerInvariant(),
            string text => text.Length > 0 ? text : null,
            IEnumerable several => DefaultOf(string.Join(' ', several.Cast<object>())),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        };
}
