using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;

namespace Slowrun.Client.Commands;

/// <summary><c>status RUN</c>: how far a run is, and what each stage waits for.</summary>
internal static class StatusCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var watch = new Option<bool>("--watch") { Description = "Stay, and show what changes, until the run has ended." };
        var command = new Command("status", "Shows how far a run is, from its silos or, without one, from the store.") { run, output, watch };
        command.SetAction(async (parsed, stop) =>
        {
            var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
            var reader = new RunReader(store, context.Time);
            await using var statuses = new StatusReader(reader);
            var name = parsed.GetRequiredValue(run);
            if (parsed.GetValue(watch) && parsed.GetValue(output) == OutputFormat.Text)
            {
                var watcher = new RunWatcher(statuses, context.Time);
                var facts = await reader.FactsAsync(name, stop);
                await using var view = ProgressView.For(context, facts.Plan);
                var last = await watcher.WatchAsync(name, view, stop);
                return last.State == Core.Status.RunState.Succeeded ? ExitCode.Done : ExitCode.Failed;
            }

            do
            {
                var status = await statuses.ReadAsync(name, stop);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(status));
                }
                else
                {
                    context.Console.Print(StatusTable.Of(status, context.Time.GetUtcNow()));
                }

                if (!parsed.GetValue(watch) || Readiness.IsOver(status.State))
                {
                    return ExitCode.Done;
                }

                await Task.Delay(TimeSpan.FromSeconds(1), context.Time, stop);
            }
            while (true);
        });
        return command.WithExamples("slowrun status demo", "slowrun status demo --watch", "slowrun status demo -o json | jq .ensemble.lossNats");
    }
}
