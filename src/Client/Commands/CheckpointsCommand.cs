using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Stages;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>checkpoints list RUN</c>: what each stage could go on from.</summary>
internal static class CheckpointsCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var list = new Command("list", "Lists the checkpoints that a run's stages can go on from.") { run, output };
        list.SetAction(async (parsed, stop) =>
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var facts = await new RunReader(store, context.Time).FactsAsync(parsed.GetRequiredValue(run), stop);
            List<ListedCheckpoint> checkpoints =
            [
                .. facts.Plan.Stages.SelectMany(stage => new[] { facts.RootOf(stage.Id).Current, facts.RootOf(stage.Id).Previous }.OfType<CheckpointRef>()
                    .Select((checkpoint, i) => new ListedCheckpoint(
                        stage.Id.ToString(), i == 0 ? "current" : "previous", checkpoint.Step, checkpoint.EpochToken, checkpoint.LengthBytes, checkpoint.At, checkpoint.Manifest))),
            ];
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                await context.Output.WriteLineAsync(Json.Text(checkpoints));
            }
            else
            {
                var table = new Table().Border(TableBorder.None).AddColumns("STAGE", "WHICH", "STEP", "TOKEN", "SIZE", "AGE", "MANIFEST");
                foreach (var c in checkpoints)
                {
                    table.AddRow(
                        c.Stage, c.Which, Human.Count(c.Step), Human.Count(c.EpochToken), Human.Bytes(c.LengthBytes), Human.Time(context.Time.GetUtcNow() - c.At), Markup.Escape(c.Manifest));
                }

                context.Console.Print(table);
            }

            return ExitCode.Done;
        });
        return new Command("checkpoints", "Looks at a run's checkpoints.") { list.WithExamples("slowrun checkpoints list demo") };
    }

    private sealed record ListedCheckpoint(string Stage, string Which, int Step, long EpochToken, long LengthBytes, DateTimeOffset At, string Manifest);
}
