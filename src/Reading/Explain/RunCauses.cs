using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Reading.Explain;

/// <summary>Why a run, or one stage of it, does not go on.</summary>
public static class RunCauses
{
    /// <param name="only">The stage in question; null: the whole run.</param>
    public static IReadOnlyList<Cause> Of(ExplainContext now, StageId? only)
    {
        ArgumentNullException.ThrowIfNull(now);
        var facts = now.Facts;
        // Where a stage waits for earlier ones of its chain, the cause is theirs.
        var asked = facts.Plan.Stages.Select(stage => stage.Id).Where(id => only is null || id == only).ToList();
        var concerned = asked.Select(id => FirstUnfinished(facts, id)).Distinct().ToList();
        var ready = concerned.Where(id => Readiness.StateOf(facts, id) is StageState.Ready or StageState.Scoring).ToList();
        return
        [
            .. facts
                .Damage.Where(damage => damage.Stage is null)
                .Select(damage => new Cause("document-damaged", [], $"{damage.Why} {damage.Advice}")),
            .. OfIntent(now, concerned),
            .. StoreCauses.Of(now, concerned),
            .. concerned.SelectMany(id => StageCauses.Of(now, id, inFull: only is not null)),
            .. Slots(now, ready, only is null && Readiness.EnsembleDue(facts) is not null),
            .. Waiting(facts, asked, only is not null),
            .. only is null ? NoticeCauses.Of(now) : [],
        ];
    }

    private static StageId FirstUnfinished(RunFacts facts, StageId id)
    {
        while (Readiness.StateOf(facts, id) == StageState.Waiting)
        {
            id = id.Before!.Value;
        }

        return id;
    }

    /// <summary>Causes in the user's intent for the run as a whole.</summary>
    private static IEnumerable<Cause> OfIntent(ExplainContext now, IReadOnlyList<StageId> concerned)
    {
        var held = concerned
            .Where(id =>
                Readiness.StateOf(now.Facts, id) is StageState.Paused or StageState.Cancelled
                && StageCauses.OwnIntent(now.Facts, id) is null
            )
            .Select(id => id.ToString())
            .ToList();
        if (held.Count > 0 && now.Facts.LostIntent is not null)
        {
            yield return new Cause(
                "order-lost",
                held,
                "None of its stages is taken: it is not known what was ordered of the run, and a cancelled one must not train.",
                $"slowrun resume {now.Run}"
            );
        }
        else if (held.Count > 0 && now.Facts.Intent.Run == DesiredState.Paused)
        {
            yield return new Cause(
                "run-paused",
                held,
                "The run was paused: none of its stages trains until it is resumed. What it has committed is kept.",
                $"slowrun resume {now.Run}"
            );
        }
        else if (held.Count > 0 && now.Facts.Intent.Run == DesiredState.Cancelled)
        {
            yield return new Cause(
                "run-cancelled",
                held,
                "The run was cancelled. What it has committed is kept, and it can be taken up again from there.",
                $"slowrun resume {now.Run}"
            );
        }
    }

    /// <summary>Causes why ready work has no slot.</summary>
    private static IEnumerable<Cause> Slots(ExplainContext now, IReadOnlyList<StageId> ready, bool ensembleDue)
    {
        if (ready.Count == 0 && !ensembleDue)
        {
            yield break;
        }

        string[] stages = [.. ready.Select(id => id.ToString())];
        if (now.DataProblem is { } problem)
        {
            yield return new Cause("data-missing", stages, $"No silo can train on data that cannot be read. {problem}");
        }

        var start = $"slowrun silo --store {now.Store}";
        var active = now.Silos.Where(silo => silo.Active).ToList();
        if (active.Count == 0)
        {
            var coming =
                now.Silos.Count == 0
                    ? ""
                    : $" ({string.Join(", ", now.Silos.Select(silo => silo.Name))} {(now.Silos.Count == 1 ? "is" : "are")} joining or leaving; one that joins takes work within seconds.)";
            yield return new Cause(
                "no-silo",
                stages,
                $"No silo is alive that serves '{now.Store}', so that no silo can {(ready.Count == 0 ? "average the members" : "work")}.{coming}",
                start
            );
            yield break;
        }

        var idle = active
            .Where(silo => now.FreeSlotsOf(silo)?.Count > 0 || (now.FreeSlotsOf(silo) is null && now.WorkOf(silo).Count == 0))
            .ToList();
        yield return idle.Count > 0
            ? new Cause(
                "soon",
                stages,
                $"Nothing trains on {string.Join(", ", idle.Select(silo => Free(now, silo)))}: a free slot looks for work every 1 to 5 seconds. If nothing happens for longer, the log says why, or the silo trains as many stages as it may (its option --stages).",
                $"slowrun logs {idle[0].Name}"
            )
            : new Cause(
                "slots-busy",
                stages,
                $"No slot is free: {string.Join("; ", active.Select(silo => $"{silo.Name} is at {string.Join(", ", now.WorkOf(silo))}"))}. This waits until one is.{Priority(now)}",
                start
            );
    }

    private static string Free(ExplainContext now, LiveSilo silo) =>
        now.FreeSlotsOf(silo) is { } slots ? $"{silo.Name}'s {string.Join(' ', slots)}" : silo.Name;

    private static string Priority(ExplainContext now)
    {
        var own = now.Facts.Spec.Operations.Priority;
        var before = now
            .Others.Where(other => other.Spec.Operations.Priority >= own && other.Roots.Values.Any(root => root.Owner is not null))
            .ToList();
        return before.Count == 0
            ? ""
            : FormattableString.Invariant(
                $" Free slots go to runs of higher priority first ({string.Join(", ", before.Select(other => FormattableString.Invariant($"'{other.Spec.Name}' has {other.Spec.Operations.Priority}")))}, this one {own}): 'slowrun set {now.Run} priority={before.Max(other => other.Spec.Operations.Priority) + 1}' puts it first."
            );
    }

    private static IEnumerable<Cause> Waiting(RunFacts facts, IReadOnlyList<StageId> asked, bool inFull)
    {
        var waiting = asked.Where(id => Readiness.StateOf(facts, id) == StageState.Waiting).ToList();
        if (waiting.Count > 0 && inFull)
        {
            var (id, before) = (waiting[0], FirstUnfinished(facts, waiting[0]));
            var why =
                facts.Plan[id] is { Teacher: not null } ? "which teaches it"
                : facts.Plan[id].Predecessor is not null ? "which it goes on from"
                : "which is trained before it";
            var root = facts.RootOf(before);
            yield return new Cause(
                "waits",
                [id.ToString()],
                FormattableString.Invariant(
                    $"It waits for '{id.Before}', {why}{(before == id.Before ? "" : $", and that in turn for '{before}'")}. '{before}' is {Readiness.StateOf(facts, before)} at step {Math.Max(root.DurableStep, facts.Progress.GetValueOrDefault(before)?.Step ?? 0)}{(root.Steps > 0 ? $" of {root.Steps}" : "")}; nothing else is missing."
                )
            );
        }
        else if (waiting.Count > 0)
        {
            yield return new Cause(
                "waits",
                [.. waiting.Select(id => id.ToString())],
                $"{(waiting.Count == 1 ? "It waits" : "They wait")} for the stages before {(waiting.Count == 1 ? "it" : "them")} in {(waiting.Count == 1 ? "its chain" : "their chains")}, and for nothing else."
            );
        }
    }
}
