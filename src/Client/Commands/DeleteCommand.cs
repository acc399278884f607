using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>delete RUN</c>: takes a run that is over out of the store.</summary>
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
                "Also a run whose ensemble taught another one that has finished: that one keeps its weights, and nobody can check any more who taught it.",
        };
        var command = new Command(
            "delete",
            "Deletes all that the store has of a run: weights, checkpoints, scores, events. Refuses one that is not over, and one that taught another. Data stays."
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
        // Without a spec it is what a deletion left that broke off, and no silo can train it.
        if (await TryFactsAsync(reader, run, stop) is { } facts && Readiness.StateOf(facts) is var state && !Readiness.IsOver(state))
        {
            throw new CliException(
                ExitCode.Failed,
                $"'{run}' is {state}: only a run that is over is deleted. 'slowrun cancel {run}' ends it and keeps what it has; then 'slowrun delete {run}'."
            );
        }

        var students = await Student.OfAsync(reader, run, stop);
        if (students.FirstOrDefault(student => !student.Finished) is { } learning)
        {
            throw new CliException(
                ExitCode.Failed,
                $"Run '{learning.Run}' is taught by '{run}' and has not finished. Wait for it, or delete it first: 'slowrun delete {learning.Run}'."
            );
        }

        if (students.Count > 0 && !force)
        {
            throw new CliException(
                ExitCode.Failed,
                $"'{run}' taught {string.Join(", ", students.Select(student => $"'{student.Run}'"))}: without it nobody can check who taught it. '--force' deletes '{run}' all the same; what it taught keeps its weights."
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

    /// <exception cref="CliException">A living silo owns a stage: it would write what it finds deleted again.</exception>
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
                $"Silo '{owner}' still owns {stage.Id} of '{run}'. Nothing was deleted. The run is cancelled, so it lets go within seconds, or is taken for dead: then 'slowrun delete {run}' again."
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
