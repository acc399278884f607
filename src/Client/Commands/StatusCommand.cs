using System.CommandLine;
using System.Text.Json.Nodes;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Costs;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>status RUN</c>: a run's progress, and what each stage waits for.</summary>
internal static class StatusCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.TableOutput();
        var watch = new Option<bool>("--watch", "-w") { Description = "Stay, and show what changes, until the run has ended." };
        var command = new Command("status", "Shows how far a run is, from its silos or, without one, from the store.")
        {
            run,
            output,
            watch,
        };
        var prices = new PriceOptions();
        prices.AddTo(command);
        command.SetAction(
            (parsed, stop) =>
                parsed.GetValue(watch)
                    ? Watching.WatchAsync(
                        context,
                        $"Run '{parsed.GetValue(run)}' and its silos go on.",
                        () => ShowAsync(parsed, stop),
                        stop
                    )
                    : ShowAsync(parsed, stop)
        );
        return command.WithExamples(
            "slowrun status demo",
            "slowrun status demo --watch",
            "slowrun status demo -o json | jq .ensemble.lossNats",
            "slowrun status demo -o csv > stages.csv",
            "slowrun status demo --price 2.1"
        );

        async Task<int> ShowAsync(ParseResult parsed, CancellationToken stop)
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var reader = new RunReader(store, context.Time);
            await using var statuses = new StatusReader(reader);
            var name = await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop);
            var format = parsed.GetValue(output);
            var price = await prices.ReadAsync(parsed, stop);
            if (parsed.GetValue(watch) && format == OutputFormat.Text)
            {
                var facts = await reader.FactsAsync(name, stop);
                var watcher = new RunWatcher(statuses, reader, context.Time) { Called = await reader.Naming.TryNameOfAsync(name, stop) };
                await using var view = ProgressView.For(context, facts.Plan);
                var last = await watcher.WatchAsync(name, view, stop);
                if (CostText.Line(RunCost.Of(last, facts.Plan, price)) is { } line)
                {
                    view.Say(line);
                }

                return last.State == RunState.Succeeded ? ExitCode.Done : ExitCode.Failed;
            }

            var plan = reader.TryPlanAsync(name, stop);
            do
            {
                var silos = reader.SilosAsync(stop);
                var called = reader.Naming.TryNameOfAsync(name, stop);
                var status = await statuses.ReadAsync(name, stop) with { GivenName = await called };
                // Silos that own nothing are asked too: a store failure may keep them from owning anything.
                var reports = await context.AskSilos(statuses, await silos, stop);
                var told = reports.SelectMany(report => report.StoreTroubles.Select(trouble => new SiloTrouble(report.Name, trouble)));
                status = status with { StoreTroubles = SiloTrouble.Joined(status.StoreTroubles, told) };
                await PrintAsync(context, format, parsed.GetValue(watch), status, await silos, reports, await plan, price);
                if (!parsed.GetValue(watch) || Readiness.IsOver(status.State))
                {
                    return ExitCode.Done;
                }

                await Task.Delay(TimeSpan.FromSeconds(1), context.Time, stop);
            } while (true);
        }
    }

    private static async Task PrintAsync(
        ClientContext context,
        OutputFormat format,
        bool watch,
        RunStatus status,
        IReadOnlyList<LiveSilo> silos,
        IReadOnlyList<SiloReport> reports,
        RunPlan? plan,
        MachinePrice? price
    )
    {
        var view = new StatusView(status, context.Time.GetUtcNow(), silos, plan)
        {
            Width = context.Console.Profile.Width,
            Unicode = context.Console.Profile.Capabilities.Unicode,
            Wide = format == OutputFormat.Wide,
            Cost = RunCost.Of(status, plan, price),
            Reports = reports,
        };
        switch (format)
        {
            case OutputFormat.Json:
                await context.Output.WriteLineAsync(watch ? Json.Line(Document(view)) : Json.Text(Document(view)));
                break;
            case OutputFormat.Csv:
                await DataTable.PrintAsync(context, format, status.Stages, StageColumns.All);
                break;
            default:
                context.Console.Print(StatusScreen.Of(view));
                break;
        }
    }

    /// <summary>The status, with the members that only a client computes.</summary>
    private static JsonNode Document(StatusView view)
    {
        var document = Json.Node(view.Status);
        document["etaSeconds"] = view.Eta?.TotalSeconds;
        document["cost"] = Json.Node(view.Cost);
        var reports = view.Reports.ToDictionary(report => report.Silo, StringComparer.Ordinal);
        document["silos"] = Json.Node(
            view.Silos!.Select(silo => new
            {
                silo.Silo,
                silo.Name,
                silo.Active,
                silo.ProcessId,
                silo.LastSign,
                silo.Slots,
                reports.GetValueOrDefault(silo.Silo)?.Devices,
                reports.GetValueOrDefault(silo.Silo)?.Processors,
            })
        );
        return document;
    }
}
