using System.CommandLine;

namespace Slowrun.Client.Completion;

/// <summary>Which kind of word is at the cursor, by the words before it.</summary>
/// <param name="Commands">The commands that were named, each within the one before it, from the root.</param>
/// <param name="Word">What was typed of it.</param>
/// <param name="Value">The option or argument that it may be a value of.</param>
/// <param name="Prefix">What comes before the value in the same word: <c>--store=</c>.</param>
internal sealed record CursorPlace(IReadOnlyList<Command> Commands, string Word, Symbol? Value, string Prefix, bool MayBeCommand)
{
    public Command Command => Commands[^1];

    /// <summary>Those of the command, and those of the commands above that hold for it too.</summary>
    public IEnumerable<Option> Options => OptionsOf(Commands);

    /// <param name="before">The words between the program and the cursor's.</param>
    public static CursorPlace Of(Command root, IEnumerable<string> before, string word)
    {
        List<Command> commands = [root];
        Option? open = null;
        var arguments = 0;
        foreach (var given in before)
        {
            if (IsOption(given))
            {
                open = given.Contains('=', StringComparison.Ordinal) ? null : Find(commands, given);
                open = open is not null && TakesValue(open) ? open : null;
            }
            else if (open is not null)
            {
                open = open.AllowMultipleArgumentsPerToken ? open : null;
            }
            else if (commands[^1].Subcommands.FirstOrDefault(sub => sub.Name == given || sub.Aliases.Contains(given)) is { } sub)
            {
                commands.Add(sub);
            }
            else
            {
                arguments++;
            }
        }

        var equals = word.IndexOf('=', StringComparison.Ordinal);
        if (IsOption(word) && equals > 0)
        {
            return new CursorPlace(
                commands,
                word[(equals + 1)..],
                Find(commands, word[..equals]),
                word[..(equals + 1)],
                MayBeCommand: false
            );
        }

        return IsOption(word) ? new CursorPlace(commands, word, null, "", MayBeCommand: false)
            : open is not null ? new CursorPlace(commands, word, open, "", MayBeCommand: false)
            : new CursorPlace(commands, word, Argument(commands[^1], arguments), "", MayBeCommand: arguments == 0);
    }

    public static bool TakesValue(Option option) => option.ValueType != typeof(bool) && option.Arity.MaximumNumberOfValues > 0;

    private static bool IsOption(string word) => word.StartsWith('-');

    private static Option? Find(IReadOnlyList<Command> commands, string name) =>
        OptionsOf(commands).FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name));

    private static IEnumerable<Option> OptionsOf(IReadOnlyList<Command> commands) =>
        commands[^1].Options.Concat(commands.SkipLast(1).SelectMany(command => command.Options).Where(option => option.Recursive));

    /// <summary>The argument that the value after so many others belongs to.</summary>
    private static Argument? Argument(Command command, int taken)
    {
        foreach (var argument in command.Arguments)
        {
            if (taken < argument.Arity.MaximumNumberOfValues)
            {
                return argument;
            }

            taken -= argument.Arity.MaximumNumberOfValues;
        }

        return null;
    }
}
