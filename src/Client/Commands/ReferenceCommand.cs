using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;

namespace Slowrun.Client.Commands;

/// <summary><c>reference</c>: pages about all commands, docs/cli.md and the manual pages.</summary>
internal static class ReferenceCommand
{
    public static Command Create(ClientContext context)
    {
        var man = new Option<string>("--man")
        {
            HelpName = "DIR",
            Description = "Writes manual pages into this folder instead: slowrun.1, and slowrun-COMMAND.1 for each command.",
        };
        var date = new Option<DateOnly>("--date")
        {
            HelpName = "YYYY-MM-DD",
            Description = "The manual pages' date; default: today.",
            DefaultValueFactory = _ => DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime),
        };
        var command = new Command("reference", "Prints docs/cli.md, which is made of the commands themselves.")
        {
            Hidden = true,
            Options = { man, date },
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var program = parsed.RootCommandResult.Command;
                if (parsed.GetValue(man) is not { } folder)
                {
                    await context.Output.WriteAsync(ReferencePage.Of(program));
                    return ExitCode.Done;
                }

                OutputPaths.CheckFolder(folder, "--man");
                await OutputPaths.WriteAsync(
                    folder,
                    "--man",
                    async () =>
                    {
                        Directory.CreateDirectory(folder);
                        foreach (var (name, text) in ManPages.Of(program, ProgramVersion.Number, parsed.GetValue(date)))
                        {
                            await File.WriteAllTextAsync(Path.Combine(folder, name), text, stop);
                        }
                    }
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun reference > docs/cli.md", "slowrun reference --man man1");
    }
}
