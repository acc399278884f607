using System.CommandLine;
using Slowrun.Core.Commands;

namespace Slowrun.Silo.Commands;

internal static class SharedOptions
{
    /// <summary>Gives the command an option that is declared for both programs.</summary>
    public static Option<T> Take<T>(this Command command, CommandOption declared, Func<T>? otherwise = null)
    {
        var option = new Option<T>(declared.Name) { Description = declared.Description, HelpName = declared.HelpName };
        if (declared.ValueIsOptional)
        {
            option.Arity = ArgumentArity.ZeroOrOne;
        }

        if (otherwise is not null)
        {
            option.DefaultValueFactory = _ => otherwise();
        }

        command.Options.Add(option);
        return option;
    }
}
