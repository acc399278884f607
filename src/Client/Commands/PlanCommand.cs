using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Simulation;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Client.Commands;

/// <summary><c>plan SPEC</c>: what a run will take and cost, before anything is spent.</summary>
internal static class PlanCommand
{
    // A simulation takes the longer the more stages and machines there are: together some seconds.
    private const int Replications = 100;
    private const int FewestReplications = 8;
    private const long Work = 2_000_000;

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(context);
        var machines = new PlanOptions();
        var output = CommonOptions.Output();
        var command = new Command(
            "plan",
            "Simulates a run on modelled machines: finish time, cost, goodput, checkpoint interval, cheapest fleet."
        )
        {
            output,
        };
        options.AddTo(command);
        machines.AddTo(command);
        options.Spec.Arity = ArgumentArity.ZeroOrOne;
        command.Validators.Add(result =>
        {
            if (
                result.GetResult(options.Spec) is null or { Tokens.Count: 0 }
                && !result.GetValue(machines.ShowMachines)
                && result.GetResult(machines.Replay) is null or { Tokens.Count: 0 }
            )
            {
                result.AddError("SPEC is missing: a preset's name, or a YAML or JSON file.");
            }
        });
        command.SetAction(
            async (parsed, stop) =>
            {
                if (parsed.GetValue(machines.ShowMachines))
                {
                    await context.Output.WriteAsync(MachineSizes.Embedded);
                    return ExitCode.Done;
                }

                if (parsed.GetValue(machines.Replay) is { Length: > 0 } files)
                {
                    var replays = await ReplaysAsync(files, stop);
                    if (parsed.GetValue(output) == OutputFormat.Json)
                    {
                        await context.Output.WriteLineAsync(Json.Text(replays));
                    }
                    else
                    {
                        context.Console.Print(ReplayText.Of(replays));
                    }

                    return ExitCode.Done;
                }

                var report = await ReportAsync(context, common, options, machines, parsed, stop);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(report));
                }
                else
                {
                    context.Console.Print(PlanText.Of(report));
                }

                if (parsed.GetValue(machines.Png) is { } picture)
                {
                    PlanPlot.Save(report, picture.FullName);
                    await (parsed.GetValue(output) == OutputFormat.Json ? context.Error : context.Output).WriteLineAsync(
                        $"Chart: {picture.FullName}"
                    );
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun plan slowrun-10x --fleet 1 --evictions-per-hour 0.1 --price 2.1",
            "slowrun plan slowrun-snapshots --deadline 10d --png fleets.png",
            "slowrun plan mine.yaml --tokens-per-second run:trial --machines machines.yaml",
            "slowrun plan --replay chaos.json"
        );
    }

    private static async Task<PlanReport> ReportAsync(
        ClientContext context,
        CommonOptions common,
        SpecOptions options,
        PlanOptions machines,
        ParseResult parsed,
        CancellationToken stop
    )
    {
        if (parsed.GetValue(machines.Png) is { } picture)
        {
            OutputPaths.CheckFile(picture.FullName, "--png");
        }

        var spec = options.Read(parsed);
        var explained = RunExplanation.Of(spec, null, new ExplainRates(1), CheckpointWriter.LengthBytes);
        if (explained.Tokens == 0)
        {
            throw new CliException(
                ExitCode.Usage,
                $"All models of '{spec.Name}' are imported: nothing is trained that could be planned. Name a spec with a chain that trains."
            );
        }

        var prices = await MachineFile.ReadAsync(parsed.GetValue(machines.Machines), stop);
        var name =
            parsed.GetValue(machines.Size)
            ?? (prices.Sizes.Any(one => one.Name == PlanOptions.DefaultSize) ? PlanOptions.DefaultSize : prices.Sizes[0].Name);
        var size = MachineSizes.Named(prices.Sizes, name);
        var (measured, run) = await MeasuredAsync(context, common, parsed, machines, stop);
        var inputs = new PlanInputs(machines, parsed, explained, measured, run);
        var onDemand = parsed.GetValue(machines.OnDemand);
        var others = machines.IsOfOneSize(parsed) ? [] : prices.Sizes.Where(one => one != size).ToList();
        var markets = others.Prepend(size).SelectMany(one => new[] { inputs.On(one, false), inputs.On(one, true) }).ToList();
        var fleet = inputs.On(size, onDemand);
        var store = inputs.StorePrice(prices);
        var times =
            parsed.GetValue(machines.Replications)
            ?? (int)
                Math.Clamp(
                    Work / (explained.Stages.Count * (explained.Stages.Count + (long)fleet.Fleet.Machines)),
                    FewestReplications,
                    Replications
                );
        var planner = new RunPlanner(spec, explained, times, parsed.GetRequiredValue(machines.Seed), stop);
        var outcome = planner.Outcome(fleet);
        var deadline = PlanOptions.Seconds(parsed, machines.Deadline);
        var fleets = deadline is null && parsed.GetValue(machines.Png) is null ? null : planner.Fleets(markets, Progress(context));
        return new PlanReport(
            spec.Name,
            fleet.Name,
            outcome,
            planner.Interval(fleet),
            PlannedStore.Of(outcome, store),
            planner.Alternatives(fleet, otherMarket: markets[onDemand ? 0 : 1]),
            fleets,
            deadline is { } latest ? PlannedDeadline.Of(latest, RunPlanner.Cheapest(fleets!, latest)) : null,
            inputs.Named
        );
    }

    /// <summary>Dozens of fleets with hundreds of stages take a minute.</summary>
    private static Action<int, int>? Progress(ClientContext context) =>
        context.Interactive
            ? (done, all) =>
            {
                var line = $"Simulates other fleets: {done} of {all}";
                context.Error.Write(done < all ? $"\r{line}" : $"\r{new string(' ', line.Length)}\r");
            }
            : null;

    private static async Task<IReadOnlyList<ReplayedFile>> ReplaysAsync(IReadOnlyList<string> files, CancellationToken stop)
    {
        var replays = new List<ReplayedFile>();
        foreach (var file in files)
        {
            var run = await RecordedFile.ReadAsync(file, stop);
            var explained = RunExplanation.Of(run.Spec, null, new ExplainRates(1), CheckpointWriter.LengthBytes);
            replays.Add(new ReplayedFile(Path.GetFileName(file), run.Spec.Name, run.Losses.Count, Replay.Of(run, explained)));
        }

        return replays;
    }

    private static async Task<(MeasuredRun?, string?)> MeasuredAsync(
        ClientContext context,
        CommonOptions common,
        ParseResult parsed,
        PlanOptions options,
        CancellationToken stop
    )
    {
        if (parsed.GetValue(options.Speed) is not { } given)
        {
            return (null, null);
        }

        if (!given.StartsWith(SpecOrRun.RunPrefix, StringComparison.Ordinal))
        {
            return
                double.TryParse(given, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && number > 0
                && double.IsFinite(number)
                ? ((MeasuredRun?)null, null)
                : throw new InvalidRequestException($"--tokens-per-second: found '{given}', expected a number above 0, or run:NAME.");
        }

        var run = given[SpecOrRun.RunPrefix.Length..];
        var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
        var reader = new RunReader(store, context.Time);
        var facts = await reader.FactsAsync(await reader.Naming.ResolveAsync(run, stop), stop);
        var explained = RunExplanation.Of(facts.Spec, null, new ExplainRates(1), CheckpointWriter.LengthBytes);
        return MeasuredRun.Of(facts, explained, context.Time.GetUtcNow()) is { } measured
            ? (measured, run)
            : throw new NotPossibleException(
                $"The run '{run}' has finished no stage, so that nothing is known of its speed. Name another one, or give a number."
            );
    }
}
