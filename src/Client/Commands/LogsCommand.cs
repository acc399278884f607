using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Fleet.Silos;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>logs</c>: the logs of silos that were started on this machine, and where the others have theirs.</summary>
internal static class LogsCommand
{
    // Short enough that a reader does not notice the delay.
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(400);

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var name = new Argument<string?>("SILO")
        {
            Description = "A silo's name, as status and events show it; default: all that run on this machine, else the last that did.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var follow = new Option<bool>("--follow", "-f") { Description = "Stay, and print what is added, until the silo named has ended." };
        var tail = new Option<int?>("--tail", "-n") { Description = "Only so many of each silo's last lines.", HelpName = "N" };
        tail.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out var lines) || lines < 0))
            {
                result.AddError($"--tail: '{result.Tokens[0].Value}' is no number of lines.");
            }
        });
        var command = new Command(
            "logs",
            "Prints the logs of silos that 'silo', 'run', 'demo' or 'chaos' started on this machine. --verbose: with stack traces."
        )
        {
            name,
            follow,
            tail,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var given = parsed.GetValue(name);
                var silos = await reader.SilosAsync(stop);
                var logs = SiloLog.Find(store.Address, silos);
                var chosen = Choose(given, logs, silos, store.Address);
                await TellOfOthersAsync(context, given, silos, chosen);
                var printer = new LogPrinter(
                    context.Output,
                    traces: parsed.GetValue(common.Verbose),
                    names: chosen.Count > 1 || given is null
                );
                // Following all silos shows new lines only, without the old ones of silos that have ended.
                printer.Skip([.. logs.Except(chosen)]);
                printer.Print(chosen, parsed.GetValue(tail));
                return parsed.GetValue(follow)
                    ? await Watching.WatchAsync(
                        context,
                        "The silos go on.",
                        () => FollowAsync(context, reader, printer, given is null ? null : chosen[0], stop),
                        stop
                    )
                    : ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun logs", "slowrun logs --follow --tail 20", "slowrun logs host-4711 --verbose");
    }

    /// <param name="one">Ends with this silo; null: goes on for all, also those that are yet to start.</param>
    private static async Task<int> FollowAsync(
        ClientContext context,
        RunReader reader,
        LogPrinter printer,
        SiloLog? one,
        CancellationToken stop
    )
    {
        while (true)
        {
            await Task.Delay(Every, context.Time, stop);
            IReadOnlyList<LiveSilo>? silos = null;
            try
            {
                silos = await reader.SilosAsync(stop);
            }
            catch (IOException)
            {
                // The store does not answer at the moment; the log files are local.
            }

            var logs = SiloLog.Find(reader.Store.Address, silos ?? []);
            printer.Print(one is null ? logs : [one], tail: null);
            if (one is not null && silos?.Any(silo => silo.ProcessId == one.ProcessId) == false)
            {
                return ExitCode.Done;
            }
        }
    }

    /// <exception cref="CliException">There is none, or it is not on this machine.</exception>
    private static IReadOnlyList<SiloLog> Choose(string? name, IReadOnlyList<SiloLog> logs, IReadOnlyList<LiveSilo> silos, string store)
    {
        if (name is null)
        {
            var serving = logs.Where(log => log.Serves).ToList();
            return serving.Count > 0 ? serving
                : logs.Count > 0 ? [logs[0]]
                : throw new CliException(
                    ExitCode.NoSuchThing,
                    silos.Count == 0
                        ? $"No silo of '{store}' has left a log on this machine, and none is alive. 'slowrun run' and 'slowrun demo' start some."
                        : $"No silo of '{store}' has a log on this machine. {string.Join(' ', silos.Select(Elsewhere))}"
                );
        }

        if (logs.FirstOrDefault(log => log.Name == name) is { } found)
        {
            return [found];
        }

        if (silos.FirstOrDefault(silo => silo.Name == name || silo.Silo == name) is { } silo)
        {
            return logs.FirstOrDefault(log => log.ProcessId == silo.ProcessId) is { } its
                ? [its]
                : throw new CliException(ExitCode.Failed, Elsewhere(silo));
        }

        var known = silos.Select(silo => silo.Name).Concat(logs.Select(log => log.Name)).Distinct().ToList();
        throw new CliException(
            ExitCode.NoSuchThing,
            $"There is no silo '{name}' of '{store}', nor a log of one on this machine.{Nearest.Hint(name, known)}{(known.Count > 0 ? $" There are: {Nearest.Listed(name, known)}." : "")}"
        );
    }

    private static async Task TellOfOthersAsync(
        ClientContext context,
        string? name,
        IReadOnlyList<LiveSilo> silos,
        IReadOnlyList<SiloLog> chosen
    )
    {
        foreach (var other in name is null ? silos.Where(silo => chosen.All(log => log.ProcessId != silo.ProcessId)) : [])
        {
            await context.Error.WriteLineAsync(Elsewhere(other));
        }
    }

    private static string Elsewhere(LiveSilo silo) =>
        silo.ProcessId is { } process
            ? FormattableString.Invariant(
                $"'{silo.Name}' (process {process} of this machine) writes where it was started: to a terminal, or to 'journalctl -u slowrun-silo'."
            )
            : $"'{silo.Name}' runs on another machine ({silo.Silo.Split('@')[0]}): its log is in that machine's journal, 'journalctl -u slowrun-silo', or where it was started.";
}
