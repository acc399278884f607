using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Reading.Costs;
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
        var prices = new PriceOptions();
        prices.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var price = await prices.ReadAsync(parsed, stop);
                // The account that is open since the last write of a root ends now.
                var reader = new RunReader(store, await context.ReadingTimeAsync(store, stop));
                await using var statuses = new StatusReader(reader);
                var status = await statuses.ReadAsync(await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop), stop);
                status = status with { GivenName = await reader.Naming.TryNameOfAsync(status.Name, stop) };
                var ledger =
                    status.Ledger
                    ?? throw new CliException(
                        ExitCode.Failed,
                        $"The silos of '{store.Address}' are of a version that keeps no ledger. Replace them."
                    );
                var cost = RunCost.Of(status, price is null ? null : await reader.TryPlanAsync(status.Name, stop), price);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(
                        Json.TextOfRun(
                            new GoodputReport(
                                status.Name,
                                status.AsOf,
                                ledger,
                                status.Stages.ToDictionary(stage => stage.Id, stage => stage.Ledger),
                                cost
                            ),
                            status.GivenName
                        )
                    );
                }
                else
                {
                    context.Console.Print(GoodputText.Of(status, ledger, cost));
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun goodput demo",
            "slowrun goodput demo -o json | jq .run.goodput",
            "slowrun goodput demo --size Standard_NC40ads_H100_v5"
        );
    }

    private sealed record GoodputReport(
        string Name,
        DateTimeOffset AsOf,
        RunLedger Run,
        IReadOnlyDictionary<StageId, StageLedger?> Stages,
        RunCost Cost
    );
}
