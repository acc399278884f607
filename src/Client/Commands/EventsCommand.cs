using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>events RUN</c>: what happened, with causes.</summary>
internal static class EventsCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var follow = new Option<bool>("--follow", "-f") { Description = "Stay, and print what happens, until the run has ended." };
        var command = new Command("events", "Prints what happened to a run: takes, losses, retries, results.") { run, output, follow };
        command.SetAction(async (parsed, stop) =>
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var reader = new RunReader(store, context.Time);
            var name = parsed.GetRequiredValue(run);
            var facts = await reader.FactsAsync(name, stop);
            // By name and not by time: a silo's clock may be wrong, and its event then turns up behind later ones.
            var seen = new HashSet<string>(StringComparer.Ordinal);
            while (true)
            {
                // Asked before the events are read: those of the end are then among them.
                var over = !parsed.GetValue(follow) || Readiness.IsOver(Readiness.StateOf(facts));
                await foreach (var happened in new RunEvents(store, name).ListAsync(seen, stop))
                {
                    await context.Output.WriteLineAsync(parsed.GetValue(output) == OutputFormat.Json ? Json.Line(happened) : Line(happened));
                }

                if (over)
                {
                    return ExitCode.Done;
                }

                await Task.Delay(TimeSpan.FromSeconds(1), context.Time, stop);
                facts = await reader.FactsAsync(name, stop);
            }
        });
        return command.WithExamples("slowrun events demo", "slowrun events demo --follow", "slowrun events demo -o json | jq -r .kind");
    }

    private static string Line(RunEvent happened) =>
        $"{Human.Moment(happened.At)}  {happened.Kind,-22} {happened.Stage,-14} {happened.Message}".TrimEnd();
}
