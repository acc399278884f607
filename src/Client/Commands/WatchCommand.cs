using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>watch RUN</c>: waits for the run's end, and runs a program of the user's then.</summary>
internal static class WatchCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var onDone = Program("--on-done", "when the run has finished");
        var onFailed = Program("--on-failed", "when it has failed or was cancelled");
        var command = new Command("watch", "Shows a run until it has ended, and then runs a program of yours.") { run, onDone, onFailed };
        command.SetAction(
            (parsed, stop) =>
                Watching.WatchAsync(
                    context,
                    $"Run '{parsed.GetValue(run)}' and its silos go on.",
                    async () =>
                    {
                        var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                        var reader = new RunReader(store, context.Time);
                        await using var statuses = new StatusReader(reader);
                        var name = await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop);
                        var facts = await reader.FactsAsync(name, stop);
                        var watcher = new RunWatcher(statuses, reader, context.Time)
                        {
                            Called = await reader.Naming.TryNameOfAsync(name, stop),
                        };
                        RunStatus last;
                        await using (var view = ProgressView.For(context, facts.Plan))
                        {
                            last = await watcher.WatchAsync(name, view, stop);
                        }

                        var succeeded = last.State == RunState.Succeeded;
                        return parsed.GetValue(succeeded ? onDone : onFailed) is { } program
                                ? await RunAsync(program, last, store.Address, stop)
                            : succeeded ? ExitCode.Done
                            : ExitCode.Failed;
                    },
                    stop
                )
        );
        return command.WithExamples(
            "slowrun watch demo --on-done 'slowrun export demo --out weights'",
            "slowrun watch demo --on-done 'echo $SLOWRUN_RUN: $SLOWRUN_LOSS' --on-failed 'slowrun explain demo'"
        );
    }

    private static Option<string> Program(string name, string when) =>
        new(name)
        {
            Description =
                $"A command line for sh, run {when}, with SLOWRUN_RUN, SLOWRUN_STATE, SLOWRUN_LOSS (nats a token; empty: none) and SLOWRUN_STORE; its exit code becomes that of 'watch'.",
            HelpName = "CMD",
        };

    private static async Task<int> RunAsync(string program, RunStatus status, string store, CancellationToken stop)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", program]);
        start.Environment["SLOWRUN_RUN"] = status.Name;
        start.Environment["SLOWRUN_STATE"] = status.State.ToString();
        start.Environment["SLOWRUN_LOSS"] = status.Ensemble?.LossNats.ToString("R", CultureInfo.InvariantCulture) ?? "";
        start.Environment["SLOWRUN_STORE"] = store;
        using var process = Process.Start(start) ?? throw new CliException(ExitCode.Failed, "'/bin/sh' did not start.");
        try
        {
            await process.WaitForExitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return process.ExitCode;
    }
}
