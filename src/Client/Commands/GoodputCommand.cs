using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>goodput RUN</c>: where the time went, and how close that is to the optimum.</summary>
internal static class GoodputCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var command = new Command("goodput", "Shows where a run's time went: training that counts, and every kind of loss.")
        {
            run,
            output,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                await using var statuses = new StatusReader(new RunReader(store, context.Time));
                var status = await statuses.ReadAsync(parsed.GetRequiredValue(run), stop);
                var ledger =
                    status.Ledger
                    ?? throw new CliException(
                        ExitCode.Failed,
                        $"The silos of '{store.Address}' are of a version that keeps no ledger. Replace them."
                    );
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(
                        Json.Text(
                            new GoodputReport(
                                status.Name,
                                status.AsOf,
                                ledger,
                                status.Stages.ToDictionary(stage => stage.Id, stage => stage.Ledger)
                            )
                        )
                    );
                }
                else
                {
                    context.Console.Print(GoodputText.Of(status, ledger));
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun goodput demo", "slowrun goodput demo -o json | jq .run.goodput");
    }

    private sealed record GoodputReport(string Name, DateTimeOffset AsOf, RunLedger Run, IReadOnlyDictionary<StageId, StageLedger?> Stages);
}
