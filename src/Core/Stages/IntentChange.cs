namespace Slowrun.Core.Stages;

/// <summary>The differences between two intents of a run, as its events report them.</summary>
public static class IntentChange
{
    /// <summary>A kind and a sentence for each change: of the whole run (no stage) first, then of single stages.</summary>
    public static IReadOnlyList<(string Kind, string? Stage, string Message)> Between(RunIntent before, RunIntent after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var changes = new List<(string, string?, string)>();
        if (before.Run != after.Run)
        {
            changes.Add((Kind("run", after.Run), null, $"A user {Verb(after.Run)} the run."));
        }

        changes.AddRange(
            from stage in after.Stages
            where before.Of(stage.Key) != after.Of(stage.Key)
            select (Kind("stage", stage.Value), stage.Key, $"A user {Verb(stage.Value)} this stage.")
        );
        changes.AddRange(
            from retry in after.Retries
            where retry.Value > before.Retries.GetValueOrDefault(retry.Key)
            select (
                EventKind.RetryAsked,
                retry.Key == JudgingFailures.Ensemble ? null : retry.Key,
                $"A user asked for another try of {(retry.Key == JudgingFailures.Ensemble ? "the ensemble" : "this stage")}."
            )
        );
        changes.AddRange(
            from adoption in after.Adoptions
            where adoption.Value > before.Adoptions.GetValueOrDefault(adoption.Key)
            select (EventKind.AdoptionAllowed, adoption.Key, "A user lets this stage go on with another machine's arithmetic.")
        );
        return changes;
    }

    private static string Kind(string what, DesiredState state) => $"{what}-{Verb(state)}";

    private static string Verb(DesiredState state) =>
        state switch
        {
            DesiredState.Paused => "paused",
            DesiredState.Cancelled => "cancelled",
            _ => "resumed",
        };
}
