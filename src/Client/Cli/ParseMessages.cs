using System.CommandLine;
using System.CommandLine.Parsing;
using Slowrun.Core;

namespace Slowrun.Client.Cli;

/// <summary>Messages about a wrong command line: what was found, what is expected, what was probably meant.</summary>
internal static class ParseMessages
{
    /// <summary>A sentence an error.</summary>
    public static IEnumerable<string> Of(ParseResult parsed) =>
        parsed.Errors.Select(error => OfValue(error) ?? $"{error.Message}{Hint(parsed, error.Message)}");

    /// <summary>A word where a command belongs. Null: there is none.</summary>
    public static string? OfCommand(ParseResult parsed) =>
        parsed.CommandResult.Command is { Subcommands.Count: > 0, Arguments.Count: 0 } command
        && parsed.UnmatchedTokens.FirstOrDefault(token => !token.StartsWith('-')) is { } word
            ? $"'{Path(parsed.CommandResult)}' has no command '{word}'.{Nearest.Hint(word, command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name))}"
            : null;

    public static string Path(CommandResult result) =>
        string.Join(' ', Ancestors(result).Reverse().Append(result.Command).Select(command => command.Name));

    /// <summary>The words that a value can be, as help shows them, else as the parser knows them; none where it is free.</summary>
    public static IReadOnlyList<string> Words(Symbol symbol)
    {
        var shown = ((symbol as Option)?.HelpName ?? (symbol as Argument)?.HelpName ?? "").Split('|');
        return shown.Length > 1 && shown.All(word => word.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter)))
            ? shown
            :
            [
                .. symbol
                    .GetCompletions(System.CommandLine.Completions.CompletionContext.Empty)
                    .Select(item => item.Label.ToLowerInvariant())
                    .Distinct(),
            ];
    }

    /// <summary>The parser names .NET's types, and lists what it allows over several lines.</summary>
    private static string? OfValue(ParseError error)
    {
        var (symbol, type) = error.SymbolResult switch
        {
            OptionResult option => ((Symbol)option.Option, option.Option.ValueType),
            ArgumentResult { Parent: OptionResult option } => (option.Option, option.Option.ValueType),
            ArgumentResult argument => (argument.Argument, argument.Argument.ValueType),
            _ => (null, null),
        };
        if (symbol is null || type is null)
        {
            return null;
        }

        var words = Words(symbol);
        var found = error
            .SymbolResult!.Tokens.Select(token => token.Value)
            .FirstOrDefault(value => error.Message.Contains($"'{value}'", StringComparison.Ordinal));
        return found is null ? null
            : words.Count > 0 && !words.Contains(found, StringComparer.OrdinalIgnoreCase)
                ? $"{symbol.Name}: found '{found}', expected {string.Join(", ", words)}.{Nearest.Hint(found, words)}"
            : Number(Nullable.GetUnderlyingType(type) ?? type) is { } number
            && error.Message.Contains(type.ToString(), StringComparison.Ordinal)
                ? $"{symbol.Name}: found '{found}', expected {number}."
            : null;
    }

    private static string? Number(Type type) =>
        type == typeof(double) || type == typeof(float) || type == typeof(decimal) ? "a number"
        : type.IsPrimitive && type != typeof(bool) && type != typeof(char) ? "a whole number"
        : null;

    private static string Hint(ParseResult parsed, string message)
    {
        var word = parsed.UnmatchedTokens.FirstOrDefault(token => message.Contains($"'{token}'", StringComparison.Ordinal));
        // A misspelt command leaves the parser with the words behind it, which may name other commands.
        IEnumerable<Command> commands = [parsed.CommandResult.Command, .. Ancestors(parsed.CommandResult)];
        return word is null
            ? ""
            : Nearest.Hint(
                word,
                word.StartsWith('-')
                    ? commands.SelectMany(command => command.Options).Where(option => !option.Hidden).Select(option => option.Name)
                    : commands.SelectMany(command => command.Subcommands).Where(sub => !sub.Hidden).Select(sub => sub.Name)
            );
    }

    private static IEnumerable<Command> Ancestors(CommandResult result)
    {
        for (var parent = result.Parent; parent is CommandResult command; parent = parent.Parent)
        {
            yield return command.Command;
        }
    }
}
