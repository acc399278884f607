using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;

namespace Slowrun.Client.Commands;

/// <summary><c>reference</c>: the page about all commands, docs/cli.md.</summary>
internal static class ReferenceCommand
{
    public static Command Create(ClientContext context)
    {
        var command = new Command("reference", "Prints docs/cli.md, which is made of the commands themselves.") { Hidden = true };
        command.SetAction(
            async (parsed, _) =>
            {
                await context.Output.WriteAsync(ReferencePage.Of(parsed.RootCommandResult.Command));
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun reference > docs/cli.md");
    }
}
