using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Runs;

/// <summary>A run that another run's ensemble teaches.</summary>
/// <param name="Finished">Its taught stages have finished: they read their teacher no more.</param>
public sealed record Student(string Run, bool Finished)
{
    /// <summary>The runs that <paramref name="teacher"/>'s ensemble teaches, in ordinal order.</summary>
    /// <param name="skipUnreadable">Leaves out runs whose spec cannot be read.</param>
    /// <exception cref="NotPossibleException">The spec of a run cannot be read, so that it may be one.</exception>
    public static async Task<IReadOnlyList<Student>> OfAsync(
        RunReader reader,
        string teacher,
        bool skipUnreadable,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(reader);
        var students = new List<Student>();
        await foreach (var run in RunDocuments.ListRunsAsync(reader.Store, cancellationToken))
        {
            if (run == teacher)
            {
                continue;
            }

            try
            {
                var spec = await new RunDocuments(reader.Store, run).TryReadSpecAsync(cancellationToken);
                if (spec?.Recipe.Teacher?.Run == teacher && await reader.TryFactsAsync(run, cancellationToken) is { } facts)
                {
                    students.Add(new Student(run, IsFinished(facts)));
                }
            }
            catch (InvalidDataException e) when (!skipUnreadable)
            {
                throw new NotPossibleException(
                    $"'{teacher}' may have taught run '{run}', which cannot be read: {e.Message} Mend it ('slowrun checkpoints repair {run}'), or give --force.",
                    e
                );
            }
            catch (InvalidDataException) { }
        }

        return students;
    }

    private static bool IsFinished(RunFacts facts) =>
        facts.Plan.Stages.Where(stage => stage.TeacherEnsemble is not null).All(stage => facts.RootOf(stage.Id).Finished);
}
