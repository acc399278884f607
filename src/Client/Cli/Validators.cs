using System.CommandLine;
using System.CommandLine.Parsing;

namespace Slowrun.Client.Cli;

/// <summary>Checks of values, which ask for them by their type: where a value is not of it, the parser throws inside of the
/// check.</summary>
internal static class Validators
{
    /// <summary>Makes an error of the command line of it, for all checks of a tree of commands.</summary>
    public static Command WithGuardedValidators(this Command command)
    {
        Guard(command.Validators);
        foreach (var option in command.Options)
        {
            Guard(option.Validators);
        }

        foreach (var argument in command.Arguments)
        {
            Guard(argument.Validators);
        }

        foreach (var sub in command.Subcommands)
        {
            sub.WithGuardedValidators();
        }

        return command;
    }

    private static void Guard<TResult>(List<Action<TResult>> validators)
        where TResult : SymbolResult
    {
        for (var i = 0; i < validators.Count; i++)
        {
            var check = validators[i];
            validators[i] = result =>
            {
                try
                {
                    check(result);
                }
                catch (InvalidOperationException e)
                {
                    result.AddError(e.Message);
                }
            };
        }
    }
}
