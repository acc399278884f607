using System.Collections.Concurrent;
using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Members;

/// <summary>
/// Counts failures of scoring and averaging against the run's failure budget, and reports them as events. Failures of the store and damaged
/// objects do not count: the store recovers, and objects are repaired.
/// </summary>
internal sealed class ScoringTrouble(IObjectStore store, RunFactsReader reader, TimeProvider time)
{
    private const string Mend = "Mend the cause, then `slowrun retry` it; what does not depend on it goes on.";

    private readonly ConcurrentDictionary<(string, StageId?, string), bool> told = new();

    /// <summary>It was scored: the same failure later is reported again.</summary>
    public void Over(string run, StageId? id)
    {
        foreach (var key in told.Keys.Where(key => key.Item1 == run && key.Item2 == id))
        {
            told.TryRemove(key, out _);
        }
    }

    /// <summary>Does not throw. Writes nothing for a run that does not exist: the event would create its folder, which the store would list
    /// as a run.</summary>
    /// <param name="id">The member; null: the ensemble.</param>
    public async Task TellAsync(string run, StageId? id, Exception error)
    {
        if (!RunNames.IsValid(run))
        {
            return;
        }

        try
        {
            await (error is InvalidDataException || StoreRetry.MayPass(error) ? TellOnceAsync(run, id, error) : CountAsync(run, id, error));
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TimeoutException)
        {
            // The log has it; the next try counts.
        }
    }

    private async Task CountAsync(string run, StageId? id, Exception error)
    {
        var facts = await reader.ReadAsync(run, new HashSet<string>());
        var subject =
            facts is null ? null
            : id is { } one ? facts.RootOf(one).Snapshot?.Sha256
            : facts.SubjectOf(facts.ScoredMembers);
        if (facts is null || subject is null)
        {
            return;
        }

        var what = id?.ToString() ?? JudgingFailures.Ensemble;
        var unjudgeable = error as UnjudgeableException;
        var failure = new StageFailure(
            error.Message.Split('\n', 2)[0].Trim(),
            unjudgeable?.Advice ?? Mend,
            facts.Intent.Retries.GetValueOrDefault(what),
            time.GetUtcNow()
        )
        {
            Repeats = unjudgeable is not null,
        };
        var budget = facts.Spec.Operations.FailureBudget;
        var counted = (await new RunDocuments(store, run).ChangeJudgingAsync(now => now.Count(what, subject, failure, budget))).Of[what];
        var whom = id is null ? "The ensemble" : "It";
        await new RunEvents(store, run).AppendAsync(
            new RunEvent(
                time.GetUtcNow(),
                counted.GivenUp && id is not null ? EventKind.StageFailed : EventKind.ScoringFailed,
                id?.ToString(),
                counted.GivenUp
                    ? $"{whom} could not be {(id is null ? "averaged" : "scored")}: {failure.Cause} {failure.Advice}"
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"{whom} could not be scored and is tried again ({counted.Tries} of {budget}): {failure.Cause}"
                    )
            )
        );
    }

    /// <summary>Once for each cause.</summary>
    private async Task TellOnceAsync(string run, StageId? id, Exception error)
    {
        var cause = (run, id, error.Message);
        if (!told.TryAdd(cause, true))
        {
            return;
        }

        var isTold = false;
        try
        {
            if (await new RunDocuments(store, run).HasBegunAsync())
            {
                await new RunEvents(store, run).AppendAsync(
                    new RunEvent(
                        time.GetUtcNow(),
                        EventKind.ScoringFailed,
                        id?.ToString(),
                        $"{(id is null ? "The ensemble" : "It")} could not be scored and is tried again: {error.Message.Split('\n', 2)[0]}"
                    )
                );
                isTold = true;
            }
        }
        finally
        {
            if (!isTold)
            {
                told.TryRemove(cause, out _);
            }
        }
    }
}
