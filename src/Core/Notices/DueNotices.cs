using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Notices;

/// <summary>What there is to tell of a run at one moment: a function of its facts.</summary>
public static class DueNotices
{
    private const int HashLength = 12;

    /// <summary>That it has finished, failed, or diverged.</summary>
    public static IEnumerable<Notice> Of(RunFacts facts, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var failures = Failures(facts);
        foreach (var (what, failure) in failures.Where(one => one.Failure.Repeats))
        {
            yield return About(facts, now, NoticeKind.Diverged, $"diverged-{Key([(what, failure)])}", what) with
            {
                Text = $"{failure.Cause} {failure.Advice}".Trim(),
            };
        }

        switch (Readiness.StateOf(facts))
        {
            case RunState.Succeeded:
                yield return Finished(facts, now);
                break;
            case RunState.Failed:
                yield return About(
                    facts,
                    now,
                    NoticeKind.Failed,
                    $"failed-{Key(failures)}",
                    failures.Count == 1 ? failures[0].What : null
                ) with
                {
                    Text = string.Join(' ', failures.Select(one => $"{one.What}: {one.Failure.Cause} {one.Failure.Advice}".Trim())),
                };
                break;
        }
    }

    /// <summary>That nothing was done for so long. One notice for each place at which it stands still, whoever owns its stages
    /// meanwhile.</summary>
    public static Notice Stalled(RunFacts facts, TimeSpan still, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var committed = facts.Committed.ToString(CultureInfo.InvariantCulture);
        return About(facts, now, NoticeKind.Stalled, $"stalled-{committed}") with
        {
            Text =
                $"No step was made and nothing was scored for {Minutes(still)}. 'slowrun explain {facts.Spec.Name}' says what it waits for.",
        };
    }

    /// <summary>That so many machines were lost within the last hour. One notice for each hour of the clock (UTC).</summary>
    public static Notice Lost(RunFacts facts, int machines, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return About(facts, now, NoticeKind.Lost, $"lost-{now.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture)}") with
        {
            Text = string.Create(
                CultureInfo.InvariantCulture,
                $"{machines} {(machines == 1 ? "machine was" : "machines were")} lost under it within an hour. It goes on; 'slowrun goodput {facts.Spec.Name}' says what that costs."
            ),
        };
    }

    private static Notice Finished(RunFacts facts, DateTimeOffset now)
    {
        var ensemble = facts.EnsembleOf(facts.ScoredMembers);
        var members = ensemble?.Weights?.Count(weight => weight > 0) ?? ensemble?.Members.Count ?? 0;
        return About(facts, now, NoticeKind.Finished, NoticeKind.Finished) with
        {
            Text = ensemble is null
                ? "All of its stages are done."
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"The ensemble of {members} {(members == 1 ? "member" : "members")} has a validation loss of {ensemble.LossNats:F4} nats a token{(ensemble.BitsPerByte is { } bits ? $" ({bits:F4} bits a byte)" : "")}."
                ),
            LossNats = ensemble?.LossNats,
            BitsPerByte = ensemble?.BitsPerByte,
        };
    }

    private static Notice About(RunFacts facts, DateTimeOffset now, string kind, string id, string? stage = null) =>
        new()
        {
            Id = id,
            Kind = kind,
            Run = facts.Spec.Name,
            Stage = stage,
            Title = NoticeKind.Title(kind, stage, facts.Spec.Name)!,
            Text = "",
            At = now,
            SubmittedAt = facts.SubmittedAt,
        };

    private static List<(string What, StageFailure Failure)> Failures(RunFacts facts)
    {
        List<(string, StageFailure)> failures =
        [
            .. facts
                .Plan.Stages.Select(stage => (What: stage.Id.ToString(), Failure: facts.FailureOf(stage.Id)))
                .Where(one => one.Failure is not null)
                .Select(one => (one.What, one.Failure!)),
        ];
        if (facts.EnsembleFailureOf(facts.ScoredMembers) is { } ensemble)
        {
            failures.Add((JudgingFailures.Ensemble, ensemble));
        }

        return failures;
    }

    // A retry that fails again is another failure, and told again.
    private static string Key(IEnumerable<(string What, StageFailure Failure)> failures) =>
        CanonicalJson.Sha256(failures.Select(one => $"{one.What} {one.Failure.Retry}").ToList())[..HashLength];

    private static string Minutes(TimeSpan time) =>
        time.TotalMinutes >= 2
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:F0} minutes")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F0} seconds");
}
