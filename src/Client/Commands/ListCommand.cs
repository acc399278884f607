using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Core;
using Slowrun.Core.Plan;
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
        var wanted = new Argument<string[]>("RUN")
        {
            Description =
                "Names of runs, own or given ones, or patterns: 'tiny-*', where * stands for any characters and ? for one. Default: all.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        string[] words = [.. Enum.GetNames<RunState>().Select(name => name.ToLowerInvariant())];
        var state = new Option<RunState[]>("--state")
        {
            Description = "Only runs in this state. May be repeated.",
            HelpName = string.Join('|', words),
            AllowMultipleArgumentsPerToken = true,
        };
        state.AcceptOnlyFromAmong(words);
        var command = new Command("list", "Lists the runs of a store.") { wanted, output, state };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var naming = reader.Naming.TryReadAsync(stop);
                var names = await RunDocuments.ListRunsAsync(store, stop).ToListAsync(stop);
                var called = (await naming).Besides(names);
                var patterns = parsed.GetValue(wanted) ?? [];
                var states = parsed.GetValue(state) ?? [];
                var runs = await Task.WhenAll(
                    names
                        .Where(name =>
                            patterns.Length == 0
                            || patterns.Any(pattern =>
                                NamePattern.Matches(pattern, name) || (called.Of(name) is { } given && NamePattern.Matches(pattern, given))
                            )
                        )
                        .Select(name => TryReadAsync(reader, context, name, called.Of(name), stop))
                );
                var listed = runs.OfType<ListedRun>().Where(run => states.Length == 0 || states.Contains(run.Status.State)).ToList();
                var format = parsed.GetValue(output);
                if (format == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(listed.Select(run => run.Status)));
                }
                else if (names.Count == 0 && format != OutputFormat.Csv)
                {
                    await context.Error.WriteLineAsync($"'{store.Address}' has no runs. 'slowrun demo' or 'slowrun run SPEC' makes one.");
                }
                else if (listed.Count == 0 && format != OutputFormat.Csv)
                {
                    await context.Error.WriteLineAsync(
                        $"None of the {Human.Plural(names.Count, "run")} of '{store.Address}' is {Words(patterns, states)}."
                    );
                }
                else
                {
                    await DataTable.PrintAsync(context, format, listed, ListedRun.Columns(context.Time.GetUtcNow()));
                }

                return runs.Contains(null) ? ExitCode.Failed : ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun list",
            "slowrun list --store azblob://account/container -o wide",
            "slowrun list -o csv",
            "slowrun list 'tiny-*' --state running failed"
        );
    }

    private static string Words(string[] patterns, RunState[] states)
    {
        var named = patterns.Length > 0 ? $"named {string.Join(" or ", patterns.Select(pattern => $"'{pattern}'"))}" : "";
        var stated = states.Length > 0 ? string.Join(" or ", states) : "";
        return named.Length > 0 && stated.Length > 0 ? $"{named} and {stated}" : named + stated;
    }

    /// <summary>A run that cannot be read must not hide the others.</summary>
    private static async Task<ListedRun?> TryReadAsync(
        RunReader reader,
        ClientContext context,
        string run,
        string? called,
        CancellationToken stop
    )
    {
        try
        {
            if (await reader.TryFactsAsync(run, stop) is { } facts)
            {
                return new ListedRun(
                    facts,
                    StatusBuilder.Build(facts, StatusSource.Store, context.Time.GetUtcNow()) with
                    {
                        GivenName = called,
                    }
                );
            }

            await context.Error.WriteLineAsync($"slowrun: {await reader.WithoutSpecAsync(run, stop)}");
            return null;
        }
        catch (InvalidDataException e)
        {
            await context.Error.WriteLineAsync($"slowrun: run '{run}' is left out: {e.Message}");
            return null;
        }
    }
}
