using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Runs;
using Slowrun.Core.Recipes;
using Slowrun.Reading.Live;
using Slowrun.Reading.Runs;
using Slowrun.Storage;

namespace Slowrun.Client.Commands;

/// <summary><c>submit SPEC</c>: writes the run's documents; silos that serve the store take it from there.</summary>
internal static class SubmitCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(context);
        var data = new DataOptions();
        var notify = new NotifyOption();
        var command = new Command("submit", "Makes a run that silos of the store then train. Starts no silo.");
        options.AddTo(command);
        data.AddTo(command);
        notify.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var spec = notify.Added(parsed, options.Read(parsed));
                var given = data.Read(parsed, options.Overrides(parsed).Set);
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: true, stop);
                return await SubmitAsync(context, store, spec, given, stop);
            }
        );
        return command.WithExamples(
            "slowrun submit demo --name mine",
            "slowrun submit demo --notify env:SLACK_URL",
            "slowrun submit mine.yaml --text book.txt --store azblob://account/container"
        );
    }

    /// <summary>Makes the run, says who will train it, and wakes them.</summary>
    public static async Task<int> SubmitAsync(
        ClientContext context,
        IObjectStore store,
        RunSpec spec,
        GivenData data,
        CancellationToken stop
    )
    {
        var submitted = await new Submission(store, context.Error.WriteLine).SubmitAsync(spec, data, stop);
        var reader = new RunReader(store, context.Time);
        var silos = await reader.SilosAsync(stop);
        await context.Output.WriteLineAsync(
            $"Run '{submitted.Spec.Name}' {(submitted.IsNew ? "is submitted" : "was there already, with the same recipe")}. "
                + (
                    silos.Count == 0
                        ? $"No silo serves '{store.Address}': start one with 'slowrun silo --store {store.Address}'."
                        : $"It is served by {string.Join(", ", silos.Select(silo => silo.Name))}."
                )
        );
        if (RoomForRun.Warning(submitted.Spec, silos, context.MachineSlots) is { } warning)
        {
            await context.Error.WriteLineAsync(warning);
        }

        await using var statuses = new StatusReader(reader);
        await statuses.PokeAsync(submitted.Spec.Name, stop);
        return ExitCode.Done;
    }
}
