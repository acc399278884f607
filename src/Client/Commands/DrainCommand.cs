using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>drain</c>: a silo stops taking work, commits, releases its stages and leaves; others take them.</summary>
internal static class DrainCommand
{
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Check = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(10);

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var name = new Argument<string>("SILO") { Description = "A silo's name, as status and events show it, or its address." };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait until it has left." };
        var command = new Command("drain", "Lets a silo commit, release its stages and leave; others take them over.") { name, noWait };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var silo = Find(parsed.GetRequiredValue(name), await reader.SilosAsync(stop), store.Address);
                await AskAsync(reader, silo, stop);
                await context.Error.WriteLineAsync($"{silo.Name} takes nothing new, commits, releases its stages and leaves.");
                return parsed.GetValue(noWait)
                    ? ExitCode.Done
                    : await Watching.WatchAsync(
                        context,
                        $"{silo.Name} leaves all the same.",
                        () => UntilLeftAsync(context, reader, silo, stop),
                        stop
                    );
            }
        );
        return command.WithExamples("slowrun drain gpu-3", "slowrun drain gpu-3 --no-wait --store azblob://account/container");
    }

    /// <exception cref="CliException">There is none, or more than one.</exception>
    private static LiveSilo Find(string name, IReadOnlyList<LiveSilo> silos, string store)
    {
        var found = silos.Where(silo => silo.Name == name || silo.Silo == name).ToList();
        return found.Count switch
        {
            1 => found[0],
            0 when silos.Count == 0 => throw new CliException(
                ExitCode.NoSuchThing,
                $"There is no silo '{name}': none serves '{store}'. Nothing needs to be drained."
            ),
            0 => throw new CliException(
                ExitCode.NoSuchThing,
                $"There is no silo '{name}' that serves '{store}'.{Nearest.Hint(name, silos.Select(silo => silo.Name))} There are: {Nearest.Listed(name, [.. silos.Select(silo => silo.Name)])}."
            ),
            _ => throw new CliException(
                ExitCode.Usage,
                $"{found.Count} silos that serve '{store}' are called '{name}'; name one by its address: {string.Join(", ", found.Select(silo => silo.Silo))}."
            ),
        };
    }

    /// <exception cref="CliException">It does not answer.</exception>
    private static async Task AskAsync(RunReader reader, LiveSilo silo, CancellationToken stop)
    {
        await using var cluster = await LiveCluster.TryConnectAsync(reader.Store, ConnectDeadline, stop);
        if (cluster is null || !await cluster.TryDrainAsync(silo.Silo, AnswerDeadline, stop))
        {
            throw new CliException(
                ExitCode.NeedsSilo,
                $"Silo '{silo.Name}' ({silo.Silo}) serves '{reader.Store.Address}' but did not answer. SIGTERM to its process does the same; a silo that is dead is replaced by itself."
            );
        }
    }

    private static async Task<int> UntilLeftAsync(ClientContext context, RunReader reader, LiveSilo silo, CancellationToken stop)
    {
        var (from, told) = (context.Time.GetTimestamp(), TimeSpan.Zero);
        while ((await reader.SilosAsync(stop)).Any(one => one.Silo == silo.Silo))
        {
            await Task.Delay(Check, context.Time, stop);
            var waited = context.Time.GetElapsedTime(from);
            if (waited - told > TellEvery)
            {
                told = waited;
                await context.Error.WriteLineAsync(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{silo.Name} is still there after {waited.TotalSeconds:F0} s: a big checkpoint takes minutes to upload…"
                    )
                );
            }
        }

        await context.Error.WriteLineAsync($"{silo.Name} has left.");
        return ExitCode.Done;
    }
}
