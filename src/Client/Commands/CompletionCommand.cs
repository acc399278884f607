using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Completion;

namespace Slowrun.Client.Commands;

/// <summary><c>completion SHELL</c> prints a script; it asks the hidden <c>complete</c>, so that it never has to be renewed.</summary>
internal static class CompletionCommand
{
    public static Command Create(ClientContext context)
    {
        var shell = new Argument<string>("SHELL")
        {
            Description = $"{string.Join(", ", CompletionScripts.Shells)}.",
            HelpName = string.Join('|', CompletionScripts.Shells),
        };
        shell.AcceptOnlyFromAmong([.. CompletionScripts.Shells]);
        var command = new Command(
            "completion",
            "Prints a script that completes commands, options, runs, stages, presets and silos in your shell."
        )
        {
            shell,
        };
        command.SetAction(
            async (parsed, _) =>
            {
                await context.Output.WriteAsync(CompletionScripts.Of(parsed.GetRequiredValue(shell)));
                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "source <(slowrun completion bash)",
            "slowrun completion zsh > ~/.zfunc/_slowrun",
            "slowrun completion fish > ~/.config/fish/completions/slowrun.fish",
            "slowrun completion pwsh | Out-String | Invoke-Expression"
        );
    }

    /// <summary><c>complete -- LINE</c>: a candidate a line. Never prints an error: it would appear in the line that the user is
    /// typing.</summary>
    public static Command CreateComplete(ClientContext context, CommonOptions common)
    {
        var line = new Argument<string>("LINE") { Description = "The command line up to the cursor, with the program's name." };
        var command = new Command("complete", "Answers the scripts of 'completion'.") { line };
        command.Hidden = true;
        command.SetAction(
            async (parsed, _) =>
            {
                foreach (var candidate in await new Completer(context, common, parsed).CompleteAsync(parsed.GetRequiredValue(line)))
                {
                    await context.Output.WriteLineAsync(candidate.ToString());
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun complete -- 'slowrun status d'");
    }
}
