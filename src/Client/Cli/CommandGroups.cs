using System.CommandLine;
using System.Runtime.CompilerServices;

namespace Slowrun.Client.Cli;

/// <summary>The groups by which the program's help and the reference page show its commands.</summary>
internal static class CommandGroups
{
    private static readonly ConditionalWeakTable<Command, List<CommandGroup>> Groups = [];

    /// <summary>Adds commands to the program, as a group behind those added before.</summary>
    public static void AddGroup(this Command program, string title, params Command[] commands)
    {
        foreach (var command in commands)
        {
            program.Subcommands.Add(command);
        }

        Groups.GetOrCreateValue(program).Add(new CommandGroup(title, [.. commands.Where(command => !command.Hidden)]));
    }

    /// <returns>Empty where the command has no groups.</returns>
    public static IReadOnlyList<CommandGroup> GroupsOf(Command program) => Groups.TryGetValue(program, out var groups) ? groups : [];
}

/// <param name="Commands">Those that help shows.</param>
internal sealed record CommandGroup(string Title, IReadOnlyList<Command> Commands);
