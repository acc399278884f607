using Slowrun.Core.Stages;

namespace Slowrun.Core.Plan;

/// <summary>
/// What users order of a run, a stage or a chain, by command line, API or page: each is a change of the run's intent, or is refused where
/// it would change nothing.
/// </summary>
public static class UserOrders
{
    /// <exception cref="NotPossibleException">It has ended, or is cancelled.</exception>
    public static Func<RunIntent, RunIntent> Pause(RunFacts facts, RunPart part)
    {
        CheckNotEnded(facts, part);
        CheckNotCancelled(facts, part);
        return Ordered(facts, DesiredState.Paused, part);
    }

    /// <exception cref="NotPossibleException">It has ended.</exception>
    public static Func<RunIntent, RunIntent> Resume(RunFacts facts, RunPart part)
    {
        CheckNotEnded(facts, part);
        return Ordered(facts, DesiredState.Running, part);
    }

    /// <exception cref="NotPossibleException">It has ended.</exception>
    public static Func<RunIntent, RunIntent> Cancel(RunFacts facts, RunPart part)
    {
        CheckNotEnded(facts, part);
        return Ordered(facts, DesiredState.Cancelled, part);
    }

    /// <summary>Lets what has failed try again.</summary>
    /// <exception cref="NotPossibleException">Nothing has failed.</exception>
    public static Func<RunIntent, RunIntent> Retry(RunFacts facts, RunPart part)
    {
        var failed = Failed(facts, part);
        if (failed.Count == 0)
        {
            throw new NotPossibleException($"Nothing of '{part}' has failed. 'slowrun status {part.Run}' says what it waits for.");
        }

        // One more than the failure's own number clears it; a second request for the same failure changes nothing.
        return intent =>
            intent with
            {
                Retries = new Dictionary<string, int>(
                    intent
                        .Retries.Concat(failed.Select(one => KeyValuePair.Create(one.What, one.Failure.Retry + 1)))
                        .GroupBy(pair => pair.Key)
                        .Select(group => KeyValuePair.Create(group.Key, group.Max(pair => pair.Value)))
                ),
            };
    }

    /// <summary>Whether something of it has failed, so that a retry changes something.</summary>
    public static bool CanRetry(RunFacts facts, RunPart part) => Failed(facts, part).Count > 0;

    /// <summary>Lets begun stages go on with another device's arithmetic.</summary>
    /// <exception cref="NotPossibleException">Nothing has begun and not finished.</exception>
    public static Func<RunIntent, RunIntent> Adopt(RunFacts facts, RunPart part)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(part);
        var unfinished = Meant(facts, part).Where(id => facts.RootOf(id) is { Identity: not null, Finished: false }).ToList();
        if (unfinished.Count == 0)
        {
            throw new NotPossibleException($"Nothing of '{part}' has begun and not finished: any machine may take it as it is.");
        }

        // Each adoption counts once: every later machine must match the adopted one.
        return intent =>
            intent with
            {
                Adoptions = new Dictionary<string, int>(
                    [
                        .. intent.Adoptions.Where(pair => unfinished.All(id => id.ToString() != pair.Key)),
                        .. unfinished.Select(id => KeyValuePair.Create(id.ToString(), facts.RootOf(id).Adoptions + 1)),
                    ]
                ),
            };
    }

    private static Func<RunIntent, RunIntent> Ordered(RunFacts facts, DesiredState state, RunPart part) =>
        intent =>
            part.Chain is null
                ? intent.With(state, part.Stage?.ToString())
                // A run that has ended needs no order.
                : Meant(facts, part)
                    .Where(id => Readiness.StateOf(facts, id) != StageState.Done)
                    .Aggregate(intent, (changed, id) => changed.With(state, id.ToString()));

    private static IReadOnlyList<StageId> Meant(RunFacts facts, RunPart part) =>
        [.. facts.Plan.Stages.Select(stage => stage.Id).Where(part.Has)];

    private static void CheckNotEnded(RunFacts facts, RunPart part)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(part);
        if (
            Readiness.StateOf(facts) == RunState.Succeeded
            || (!part.IsWhole && Meant(facts, part).All(id => Readiness.StateOf(facts, id) == StageState.Done))
        )
        {
            throw new NotPossibleException(
                $"'{part}' has ended already; there is nothing to change. 'slowrun status {part.Run}' shows it."
            );
        }
    }

    /// <summary>A pause of what is cancelled would silently undo that.</summary>
    private static void CheckNotCancelled(RunFacts facts, RunPart part)
    {
        var cancelled = part.IsWhole
            ? facts.Intent.Run == DesiredState.Cancelled
            : Meant(facts, part)
                .Where(id => Readiness.StateOf(facts, id) != StageState.Done)
                .All(id => facts.Intent.Of(id.ToString()) == DesiredState.Cancelled);
        if (cancelled)
        {
            throw new NotPossibleException(
                $"'{part}' is cancelled, so there is nothing to pause. 'slowrun resume {part}' takes it up again."
            );
        }
    }

    private static IReadOnlyList<(string What, StageFailure Failure)> Failed(RunFacts facts, RunPart part)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(part);
        return
        [
            .. from id in Meant(facts, part) where facts.FailureOf(id) is not null select (id.ToString(), facts.FailureOf(id)!),
            .. part.IsWhole && facts.EnsembleFailureOf(facts.ScoredMembers) is { } ensemble
                ? [(JudgingFailures.Ensemble, ensemble)]
                : Array.Empty<(string, StageFailure)>(),
        ];
    }
}
