using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary>The deletion of a run, with what has to be so before.</summary>
/// <param name="force">Also a run that taught finished ones.</param>
internal sealed class RunDeletion(RunReader reader, string run, bool force)
{
    // The longest that an upload of one model's weights may take: only then the store shows it.
    private static readonly TimeSpan ImportsWithin = TimeSpan.FromHours(1);

    private readonly RunRemoval removal = new(reader.Store, run);

    /// <param name="time">This machine's, which may be wrong: ages are judged by the store's own.</param>
    /// <exception cref="CliException">It is not over.</exception>
    public async Task CheckOverAsync(TimeProvider time, CancellationToken stop)
    {
        // A run without a spec is left from an interrupted deletion, and no silo can train it; or it is an import's.
        var facts = await TryFactsAsync(stop);
        if (
            facts is null
            && !force
            && await new ImportedSnapshots(reader.Store).TryLastWithoutRunAsync(run, stop) is { } last
            && (await StoreClock.OfAsync(reader.Store, time, stop)).GetUtcNow() - last is var age
            && age < ImportsWithin
        )
        {
            throw new CliException(
                ExitCode.Failed,
                $"'{run}' is no run yet: it has imported weights alone, the last ones written {Human.Time(age)} ago, and the import may be under way. "
                    + $"If it is not: 'slowrun delete {run} --force', or wait until they are an hour old."
            );
        }

        if (facts is not null && Readiness.StateOf(facts) is var state && !Readiness.IsOver(state))
        {
            throw new CliException(
                ExitCode.Failed,
                $"'{run}' is {state}: only a run that is over is deleted. 'slowrun cancel {run}' ends it and keeps what it has; then 'slowrun delete {run}'."
            );
        }
    }

    /// <exception cref="CliException">It taught another run, or still does.</exception>
    public Task CheckStudentsAsync(CancellationToken stop) => CheckStudentsAsync("", stop);

    /// <summary>Cancels the run and deletes its objects.</summary>
    /// <param name="wait">While a living silo owns a stage: called with its name; ends when another look is due. Null: refuses.</param>
    /// <returns>What was deleted.</returns>
    /// <exception cref="CliException">A living silo owns a stage; or a student has come meanwhile.</exception>
    public async Task<IReadOnlyList<ObjectEntry>> DeleteAsync(Func<string, Task>? wait, CancellationToken stop)
    {
        await removal.CancelAsync(stop);
        while (await TryOwnedAsync(stop) is { } held)
        {
            await (
                wait?.Invoke(held.Owner)
                ?? throw new CliException(
                    ExitCode.Failed,
                    $"Silo '{held.Owner}' still owns {held.Stage} of '{run}'. Nothing was deleted. The run is cancelled, so the silo releases the stage within seconds, or is declared dead; then run 'slowrun delete {run}' again."
                )
            );
        }

        // A student may have been submitted since the first look.
        await CheckStudentsAsync($" Nothing was deleted; '{run}' is cancelled since this command.", stop);
        var deleted = new List<ObjectEntry>();
        await removal.DeleteAsync(deleted.Add, stop);
        return deleted;
    }

    /// <summary>A stage that a living silo owns, which would write deleted objects again, and that silo's name; null: there is
    /// none.</summary>
    private async Task<(StageId Stage, string Owner)?> TryOwnedAsync(CancellationToken stop) =>
        await TryFactsAsync(stop) is { } facts
        && facts.Plan.Stages.FirstOrDefault(stage => facts.LivingOwnerOf(stage.Id) is not null) is { } stage
            ? (stage.Id, facts.LivingOwnerOf(stage.Id)!.SiloName)
            : null;

    /// <param name="state">Added to the message.</param>
    private async Task CheckStudentsAsync(string state, CancellationToken stop)
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

    private async Task<RunFacts?> TryFactsAsync(CancellationToken stop)
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
}
