using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Status;
using Slowrun.Storage.Runs;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>list</c>: the runs of a store, from the store alone: it must be quick.</summary>
internal static class ListCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var output = CommonOptions.Output();
        var command = new Command("list", "Lists the runs of a store.") { output };
        command.SetAction(async (parsed, stop) =>
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var reader = new RunReader(store, context.Time);
            var names = await RunDocuments.ListRunsAsync(store, stop).ToListAsync(stop);
            var runs = await Task.WhenAll(names.Select(name => TryReadAsync(reader, context, name, stop)));
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                await context.Output.WriteLineAsync(Json.Text(runs.OfType<RunStatus>()));
            }
            else if (names.Count == 0)
            {
                await context.Error.WriteLineAsync($"'{store.Address}' has no runs. 'slowrun demo' or 'slowrun run SPEC' makes one.");
            }
            else
            {
                context.Console.Print(Table(runs.OfType<RunStatus>(), context.Time.GetUtcNow()));
            }

            return runs.Contains(null) ? ExitCode.Failed : ExitCode.Done;
        });
        return command.WithExamples("slowrun list", "slowrun list --store azblob://account/container -o json");
    }

    /// <summary>A run that cannot be read must not hide the others.</summary>
    private static async Task<RunStatus?> TryReadAsync(RunReader reader, ClientContext context, string run, CancellationToken stop)
    {
        try
        {
            // Null for a folder that no spec has been written into: a submission that broke off.
            return await reader.TryFactsAsync(run, stop) is { } facts ? StatusBuilder.Build(facts, StatusSource.Store, context.Time.GetUtcNow()) : null;
        }
        catch (InvalidDataException e)
        {
            await context.Error.WriteLineAsync($"slowrun: run '{run}' is left out: {e.Message}");
            return null;
        }
    }

    private static Table Table(IEnumerable<RunStatus> runs, DateTimeOffset now)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("RUN", "STATE", "STAGES", "MEMBERS", "ENSEMBLE", "LAST WRITE");
        foreach (var run in runs)
        {
            var done = run.Stages.Count(stage => stage.State == StageState.Done);
            table.AddRow(
                Markup.Escape(run.Name),
                run.State.ToString(),
                $"{done}/{run.Stages.Count} done",
                Human.Count(run.Ensemble?.Members ?? 0),
                run.Ensemble is { } ensemble ? $"{Human.Loss(ensemble.LossNats)} nats" : "",
                $"{Human.Time(now - run.AsOf)} ago");
        }

        return table;
    }
}
