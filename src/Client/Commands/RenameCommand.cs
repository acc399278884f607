using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>rename RUN NEW</c>: gives a run another name to be called by. Its own one, which its objects and its bytes' evidence
/// carry, stays.</summary>
internal static class RenameCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var given = new Argument<string>("NEW") { Description = "What the run shall be called; its own name takes the given one away." };
        var command = new Command(
            "rename",
            "Gives a run another name, by which every command and the page find it, also while it trains. The name that it was submitted with keeps working."
        )
        {
            run,
            given,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var own = (await reader.FactsAsync(await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop), stop)).Spec.Name;
                var name = parsed.GetRequiredValue(given);
                var before = await reader.Naming.GiveAsync(own, name, stop);
                await context.Output.WriteLineAsync(
                    (name == own, before) switch
                    {
                        (true, null) => $"Run '{own}' has no other name.",
                        (true, _) => $"Run '{own}' is called '{before}' no longer.",
                        (false, null) => $"Run '{own}' is called '{name}'. Both names find it.",
                        (false, _) when before == name => $"Run '{own}' is called '{name}' already.",
                        (false, _) => $"Run '{own}' is called '{name}', and '{before}' no longer.",
                    }
                );
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun rename demo best-so-far", "slowrun rename best-so-far demo");
    }
}
