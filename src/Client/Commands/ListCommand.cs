using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core.Status;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>list</c>: the runs of a store, from the store alone: it must be quick.</summary>
internal static class ListCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var output = CommonOptions.TableOutput();
        var command = new Command("list", "Lists the runs of a store.") { output };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var names = await RunDocuments.ListRunsAsync(store, stop).ToListAsync(stop);
                var runs = await Task.WhenAll(names.Select(name => TryReadAsync(reader, context, name, stop)));
                var format = parsed.GetValue(output);
                if (format == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(runs.OfType<ListedRun>().Select(run => run.Status)));
                }
                else if (names.Count == 0 && format != OutputFormat.Csv)
                {
                    await context.Error.WriteLineAsync($"'{store.Address}' has no runs. 'slowrun demo' or 'slowrun run SPEC' makes one.");
                }
                else
                {
                    await DataTable.PrintAsync(context, format, runs.OfType<ListedRun>(), ListedRun.Columns(context.Time.GetUtcNow()));
                }

                return runs.Contains(null) ? ExitCode.Failed : ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun list", "slowrun list --store azblob://account/container -o wide", "slowrun list -o csv");
    }

    /// <summary>A run that cannot be read must not hide the others.</summary>
    private static async Task<ListedRun?> TryReadAsync(RunReader reader, ClientContext context, string run, CancellationToken stop)
    {
        try
        {
            if (await reader.TryFactsAsync(run, stop) is { } facts)
            {
                return new ListedRun(facts, StatusBuilder.Build(facts, StatusSource.Store, context.Time.GetUtcNow()));
            }

            await context.Error.WriteLineAsync($"slowrun: {reader.WithoutSpec(run)}");
            return null;
        }
        catch (InvalidDataException e)
        {
            await context.Error.WriteLineAsync($"slowrun: run '{run}' is left out: {e.Message}");
            return null;
        }
    }
}
