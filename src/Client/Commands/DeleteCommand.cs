using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
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
                "Also delete a run whose ensemble taught another, finished run. The taught run keeps its weights; its teacher can no longer be verified. Runs whose spec cannot be read are not looked at.",
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
                var removal = RunPaths.IsName(name) ? new RunRemoval(store, name) : throw await reader.NoSuchRunAsync(name, stop);
                var objects = await removal.ListAsync(stop);
                if (objects.Count == 0)
                {
                    throw await reader.NoSuchRunAsync(name, stop);
                }

                await CheckAsync(reader, name, parsed.GetValue(force), stop);
                var dry = parsed.GetValue(dryRun);
                if (!dry)
                {
                    await removal.CancelAsync(stop);
                    await CheckFreeAsync(reader, name, stop);
                    // A student may have been submitted since the first look.
                    await CheckStudentsAsync(
                        reader,
                        name,
                        parsed.GetValue(force),
                        $" Nothing was deleted; '{name}' is cancelled since this command.",
                        stop
                    );
                    var deleted = new List<ObjectEntry>();
                    await removal.DeleteAsync(deleted.Add, stop);
                    objects = deleted;
                }

                await TellAsync(context, name, objects, dry, parsed.GetValue(output));
                return ExitCode.Done;
            }
        );
        return command.WithExamples("slowrun delete demo --dry-run", "slowrun delete demo");
    }

    /// <exception cref="CliException">It is not over, or taught another run.</exception>
    private static async Task CheckAsync(RunReader reader, string run, bool force, CancellationToken stop)
    {
        // A run without a spec is left from an interrupted deletion, and no silo can train it.
        if (await TryFactsAsync(reader, run, stop) is { } facts && Readiness.StateOf(facts) is var state && !Readiness.IsOver(state))
        {
            throw new CliException(
                ExitCode.Failed,
                $"'{run}' is {state}: only a run that is over is deleted. 'slowrun cancel {run}' ends it and keeps what it has; then 'slowrun delete {run}'."
            );
        }

        await CheckStudentsAsync(reader, run, force, "", stop);
    }

    /// <param name="state">Added to the message.</param>
    /// <exception cref="CliException">It taught another run, or still does.</exception>
    private static async Task CheckStudentsAsync(RunReader reader, string run, bool force, string state, CancellationToken stop)
    {
        var students = await Student.OfAsync(reader, run, skipUnreadable: force, stop);
        if (students.FirstOrDefault(student => !student.Finished) is { } learning)
        {
            throw new CliException(
                ExitCode.Failed,
                $"Run '{learning.Run}' is taught by '{run}' and has not finished. Wait for it, or delete it first: 'slowrun delete {learning.Run}'.{state}"
            );
        }

        if (students.Count > 0 && !force)
        {
            throw new CliException(
                ExitCode.Failed,
                $"'{run}' taught {string.Join(", ", students.Select(student => $"'{student.Run}'"))}: without '{run}' their teacher cannot be verified. '--force' deletes it nevertheless; the taught runs keep their weights.{state}"
            );
        }
    }

    private static async Task<RunFacts?> TryFactsAsync(RunReader reader, string run, CancellationToken stop)
    {
        try
        {
            return await reader.TryFactsAsync(run, stop);
        }
        catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
        {
            // Spec and copy are damaged: no silo can train it either.
            return null;
        }
    }

    /// <exception cref="CliException">A living silo owns a stage: it would write deleted objects again.</exception>
    private static async Task CheckFreeAsync(RunReader reader, string run, CancellationToken stop)
    {
        if (
            await TryFactsAsync(reader, run, stop) is { } facts
            && facts.Plan.Stages.FirstOrDefault(stage => facts.LivingOwnerOf(stage.Id) is not null) is { } stage
        )
        {
            var owner = facts.LivingOwnerOf(stage.Id)!.SiloName;
            throw new CliException(
                ExitCode.Failed,
                $"Silo '{owner}' still owns {stage.Id} of '{run}'. Nothing was deleted. The run is cancelled, so the silo releases the stage within seconds, or is declared dead; then run 'slowrun delete {run}' again."
            );
        }
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
