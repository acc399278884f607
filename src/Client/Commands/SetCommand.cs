using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
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
                var spec = (await reader.FactsAsync(parsed.GetRequiredValue(run), stop)).Spec;
                var (before, after) = await ChangeAsync(
                    new RunDocuments(store, spec.Name),
                    spec,
                    parsed.GetRequiredValue(assignments),
                    stop
                );
                var changes = SpecDifferences
                    .Between(before, after, "operations")
                    .Select(change => $"{change.Path}: {SpecDifference.Text(change.There)} → {SpecDifference.Text(change.Here)}")
                    .ToList();
                if (changes.Count == 0)
                {
                    await context.Output.WriteLineAsync($"Run '{spec.Name}' has these operations already.");
                    return ExitCode.Done;
                }

                await new RunEvents(store, spec.Name).AppendAsync(
                    new RunEvent(
                        context.Time.GetUtcNow(),
                        EventKind.OperationsChanged,
                        null,
                        $"The user changed {string.Join(", ", changes)}."
                    ),
                    stop
                );
                await context.Output.WriteLineAsync(string.Join('\n', changes));
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

    /// <exception cref="CliException">An assignment would change something other than operations.</exception>
    private static async Task<(Operations Before, Operations After)> ChangeAsync(
        RunDocuments documents,
        RunSpec spec,
        IReadOnlyList<string> assignments,
        CancellationToken stop
    )
    {
        if (OperationsChange.Forbidden(spec, assignments) is { Count: > 0 } forbidden)
        {
            throw new CliException(
                ExitCode.Usage,
                $"Only operations of run '{spec.Name}' can change; its recipe is fixed:"
                    + string.Concat(
                        forbidden.Select(change =>
                            $"\n  {change.Path} is {SpecDifference.Text(change.There)}, and would become {SpecDifference.Text(change.Here).Trim('"')}"
                        )
                    )
                    + "\nStart another run with --set and --name."
            );
        }

        var submitted = (await documents.TryReadSubmittedSpecAsync(stop) ?? spec).Operations;
        var before = submitted;
        var after = await documents.ChangeOperationsAsync(
            submitted,
            now => OperationsChange.Applied(spec with { Operations = before = now }, assignments),
            stop
        );
        return (before, after);
    }
}
