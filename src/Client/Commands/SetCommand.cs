using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>set RUN PATH=VALUE…</c>: changes a run's operations while it trains. The document counts; silos are notified too.</summary>
internal static class SetCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var assignments = new Argument<string[]>("PATH=VALUE")
        {
            Description =
                "Operations and their new values: checkpointAtMostEvery=5m, keepCheckpoints=3, priority=1; checkpoint.interval=5m sets both bounds; null takes one back to its default.",
            Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command("set", "Changes a run's operations, also while it trains; its recipe is fixed.") { run, assignments };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var spec = (await reader.FactsAsync(await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop), stop)).Spec;
                var (_, changes) = await new OperationsOrder(store, context.Time).ChangeAsync(
                    spec,
                    parsed.GetRequiredValue(assignments),
                    cancellationToken: stop
                );
                if (changes.Count == 0)
                {
                    await context.Output.WriteLineAsync($"Run '{spec.Name}' has these operations already.");
                    return ExitCode.Done;
                }

                await context.Output.WriteLineAsync(string.Join('\n', changes.Select(OperationsOrder.Sentence)));
                await using var statuses = new StatusReader(reader);
                await statuses.PokeAsync(spec.Name, stop);
                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun set demo checkpoint.interval=5m",
            "slowrun set demo keepCheckpoints=4 priority=1",
            "slowrun set demo checkpointEverySteps=null",
            "slowrun set demo notify=env:SLACK_URL",
            "slowrun set demo 'notify=[{url: env:NTFY_URL, about: [finished, failed]}]'"
        );
    }
}
