using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>delete RUN</c>: deletes the objects of a run that is over.</summary>
internal static class DeleteCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be deleted." };
        var force = new Option<bool>("--force")
        {
            Description =
                "Also delete a run whose ensemble taught another, finished run. The taught run keeps its weights; its teacher can no longer be verified. Runs whose spec cannot be read are not looked at. Also weights of an import that wrote the last ones within an hour and has made no run.",
        };
        var command = new Command(
            "delete",
            "Deletes all objects of a run in the store: weights, checkpoints, scores, events. Refuses a run that is not over, and one that taught another run. Data stays."
        )
        {
            run,
            output,
            dryRun,
            force,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var name = parsed.GetRequiredValue(run);
                var objects = RunPaths.IsName(name) ? await new RunRemoval(store, name).ListAsync(stop) : [];
                if (objects.Count == 0 && await reader.Naming.ResolveAsync(name, stop) is var called && called != name)
                {
                    name = called;
                    objects = await new RunRemoval(store, name).ListAsync(stop);
                }

                if (objects.Count == 0)
                {
                    throw await reader.NoSuchRunAsync(name, stop);
                }

                var deletion = new RunDeletion(reader, name, parsed.GetValue(force));
                await deletion.CheckOverAsync(context.Time, stop);
                await deletion.CheckStudentsAsync(stop);
                var dry = parsed.GetValue(dryRun);
                if (!dry)
                {
                    objects = await deletion.DeleteAsync(wait: null, stop);
                }

                await TellAsync(context, name, objects, dry, parsed.GetValue(output));
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun delete demo --dry-run", "slowrun delete demo");
    }

    private static async Task TellAsync(
        ClientContext context,
        string run,
        IReadOnlyList<ObjectEntry> objects,
        bool dryRun,
        OutputFormat format
    )
    {
        var bytes = objects.Sum(entry => entry.LengthBytes);
        if (format == OutputFormat.Json)
        {
            await context.Output.WriteLineAsync(
                Json.Text(
                    new
                    {
                        Run = run,
                        DryRun = dryRun,
                        LengthBytes = bytes,
                        Objects = objects.Select(entry => new { entry.Name, entry.LengthBytes }),
                    }
                )
            );
            return;
        }

        if (dryRun)
        {
            foreach (var entry in objects)
            {
                await context.Output.WriteLineAsync($"{Human.Bytes(entry.LengthBytes), 9}  {entry.Name}");
            }
        }

        await context.Output.WriteLineAsync(
            $"{objects.Count} objects, {Human.Bytes(bytes)}, {(dryRun ? "would be deleted" : "deleted")}. The data that '{run}' was trained on stays."
        );
    }
}
