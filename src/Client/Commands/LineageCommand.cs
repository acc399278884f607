using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>lineage RUN</c>: each stage's teacher and predecessor, with the hashes that prove it.</summary>
internal static class LineageCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var command = new Command("lineage", "Shows the origin of every model of a run: teachers, continued stages and snapshots, by hash.")
        {
            run,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var facts = await reader.FactsAsync(await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop), stop);
                var lineage = Lineage.Of(facts, StatusBuilder.Build(facts, StatusSource.Store, context.Time.GetUtcNow()));
                var called = await reader.Naming.TryNameOfAsync(lineage.Run, stop);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.TextOfRun(lineage, called));
                }
                else
                {
                    context.Console.Print(LineageTree.Of(lineage, GivenNames.Title(lineage.Run, called)));
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun lineage demo", "slowrun lineage demo -o json | jq '.stages[] | [.id, .teacher.sha256]'");
    }
}
