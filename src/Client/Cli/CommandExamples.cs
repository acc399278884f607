using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Slowrun.Client.Cli;

/// <summary>Command lines to copy, shown at the end of a command's help.</summary>
internal static class CommandExamples
{
    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    public static Command WithExamples(this Command command, params string[] examples)
    {
        Examples.Add(command, examples);
        return command;
    }

    public static IReadOnlyList<string> ExamplesOf(Command command) => Examples.TryGetValue(command, out var examples) ? examples : [];

    /// <summary>Makes a help option that shows them, and the groups of the program's commands; it belongs on the root.</summary>
    /// <param name="verbose">With it the program's help has a line for each command.</param>
    public static HelpOption HelpOption(Option<bool> verbose)
    {
        var option = new HelpOption { Recursive = true };
        option.Action = new HelpWithExamples((HelpAction)option.Action!, verbose);
        return option;
    }

    private sealed class HelpWithExamples(HelpAction help, Option<bool> verbose) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var command = parseResult.CommandResult.Command;
            if (CommandGroups.GroupsOf(command).Count > 0 && !parseResult.GetValue(verbose))
            {
                foreach (var line in ProgramHelp.Of(command))
                {
                    parseResult.InvocationConfiguration.Output.WriteLine(line);
                }
            }
            else
            {
                help.Invoke(parseResult);
            }

            if (ExamplesOf(command) is { Count: > 0 } examples)
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.WriteLine("Examples:");
                foreach (var example in examples)
                {
                    output.WriteLine($"  {example}");
                }

                output.WriteLine();
            }

            return 0;
        }
    }
}
