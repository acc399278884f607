using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Reading.Explain;

/// <summary>Causes that concern one stage alone.</summary>
public static class StageCauses
{
    // An owner reports about once a second; with a slow store it may take longer.
    private static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(30);

    // A free slot looks for work at least every 5 s: after this time without a take, something keeps the free slots from it.
    private static readonly TimeSpan UntakenAfter = TimeSpan.FromSeconds(15);

    /// <param name="inFull">Whether to say also that all is well.</param>
    public static IEnumerable<Cause> Of(ExplainContext now, StageId id, bool inFull)
    {
        ArgumentNullException.ThrowIfNull(now);
        var root = now.Facts.RootOf(id);
        var state = Readiness.StateOf(now.Facts, id);
        string[] stages = [id.ToString()];
        return state switch
        {
            StageState.Done => inFull
                ?
                [
                    new Cause(
                        "done",
                        stages,
                        $"It has finished: snapshot {Human.Hash(root.Snapshot!.Sha256)}, validation loss {Human.Loss(now.Facts.ScoreOf(id)?.LossNats)} nats per token. Nothing is left to be done."
                    ),
                ]
                : [],
            StageState.Failed => [Failed(now, id)],
            StageState.Damaged when now.Facts.DamageOf(id) is { } damage =>
            [
                new Cause("damaged", stages, $"{damage.Why} {damage.Advice}", $"slowrun checkpoints repair {now.Run}/{id}"),
            ],
            StageState.Paused or StageState.Cancelled => [.. Held(now, id)],
            StageState.Training => [.. Training(now, id, inFull)],
            StageState.Scoring => [Scoring(now, id)],
            StageState.Ready => [.. Ready(now, id, inFull)],
            _ => [],
        };
    }

    /// <summary>The intent for this stage alone; null: none.</summary>
    public static DesiredState? OwnIntent(RunFacts facts, StageId id) =>
        facts.Intent.Run != DesiredState.Cancelled && facts.Intent.Stages.TryGetValue(id.ToString(), out var state) ? state : null;

    private static Cause Failed(ExplainContext now, StageId id)
    {
        var failure = now.Facts.FailureOf(id)!;
        var text = $"It failed {Ago(now, failure.At)}: {failure.Cause} {failure.Advice}".TrimEnd();
        return failure.Repeats
            ? new Cause("failed", [id.ToString()], text)
            : new Cause("failed", [id.ToString()], $"{text} A retry {GoesOn(now, id)}.", $"slowrun retry {now.Run}/{id}");
    }

    private static IEnumerable<Cause> Held(ExplainContext now, StageId id)
    {
        var stages = new[] { id.ToString() };
        if (OwnIntent(now.Facts, id) is { } state and not DesiredState.Running)
        {
            yield return state == DesiredState.Paused
                ? new Cause(
                    "stage-paused",
                    stages,
                    $"This stage was paused, apart from the run. It {GoesOn(now, id)} once it is resumed.",
                    $"slowrun resume {now.Run}/{id}"
                )
                : new Cause(
                    "stage-cancelled",
                    stages,
                    $"This stage was cancelled; those behind it in its chain cannot begin. What it has committed is kept, and it {GoesOn(now, id)} if it is taken up again.",
                    $"slowrun resume {now.Run}/{id}"
                );
        }

        if (now.Facts.LivingOwnerOf(id) is { } owner)
        {
            yield return new Cause(
                "stopping",
                stages,
                $"{owner.SiloName} is still stopping it: it drops the step under way and commits the last whole one."
            );
        }
    }

    private static IEnumerable<Cause> Training(ExplainContext now, StageId id, bool inFull)
    {
        var stages = new[] { id.ToString() };
        var (root, owner) = (now.Facts.RootOf(id), now.Facts.LivingOwnerOf(id)!);
        var progress = now.Facts.Progress.GetValueOrDefault(id) is { } told && told.EpochToken == root.EpochToken ? told : null;
        var heard = progress?.At ?? owner.Since;
        if (now.Now - heard > SilentAfter)
        {
            // The store's failures were reported above.
            if (!StoreCauses.Has(now, owner.SiloName))
            {
                var why = now.Reports.ContainsKey(owner.Silo)
                    ? "Its silo answers, and reports no trouble with the store: a step, a restore or an upload takes so long. The log says which."
                    : "Its silo does not answer either: its machine may be frozen or cut off. When the silo is given up, another slot takes the stage.";
                yield return new Cause(
                    "owner-silent",
                    stages,
                    $"{owner.SiloName} owns it, but has not reported for {Human.Time(now.Now - heard)}. {why}",
                    $"slowrun logs {owner.SiloName}"
                );
            }
        }
        else if (inFull)
        {
            var how = progress switch
            {
                null or { Activity: StageActivity.Restoring } => "it is fetching data, teacher and checkpoint, and building the model",
                { Activity: StageActivity.Finishing } => "its steps are done, and its snapshot is being made durable",
                _ => FormattableString.Invariant(
                    $"it is at step {progress.Step} of {progress.Steps}{(progress.TokensPerSecond is { } rate ? $", at {Human.Count(rate)} tokens/s" : "")}; step {root.DurableStep} is durable"
                ),
            };
            yield return new Cause(
                "trains",
                stages,
                $"Nothing holds it up: {owner.SiloName} trains it on {string.Join(' ', owner.Slots)}, taken {Ago(now, owner.Since)}; {how}."
            );
        }

        if (root.FailedTakes > 0)
        {
            yield return Tries(now, id, stages);
        }
    }

    private static Cause Scoring(ExplainContext now, StageId id) =>
        now.Last(id, EventKind.ScoringFailed) is { } failed
            ? new Cause(
                "scoring-failed",
                [id.ToString()],
                $"Its training has finished, but it could not be judged {Ago(now, failed.At)}: {failed.Message}",
                $"slowrun events {now.Run} --stage {id} --kind scoring-failed"
            )
            : new Cause(
                "scoring",
                [id.ToString()],
                "Its training has finished; its snapshot is judged on the validation set as soon as a slot is free, which takes a thousandth of a stage's time."
            );

    private static IEnumerable<Cause> Ready(ExplainContext now, StageId id, bool inFull)
    {
        var stages = new[] { id.ToString() };
        var root = now.Facts.RootOf(id);
        if (root.Owner is { } lost)
        {
            var end = now.Ends.TryGetValue(lost.Silo, out var how) ? $" (its process {how})" : "";
            yield return new Cause(
                "owner-lost",
                stages,
                $"{lost.SiloName}, which trained it, is gone{end}. The next free slot {GoesOn(now, id)}.",
                end.Length > 0 ? $"slowrun logs {lost.SiloName}" : null
            );
        }
        else if (inFull)
        {
            yield return new Cause("ready", stages, $"Nothing before it is missing: a free slot takes it and {GoesOn(now, id)}.");
        }

        if (root.FailedTakes > 0)
        {
            yield return Tries(now, id, stages);
        }

        if (now.Last(id, EventKind.TakeRefused, EventKind.StageTaken) is { Kind: EventKind.TakeRefused } refused)
        {
            yield return new Cause("take-refused", stages, $"A silo refused it {Ago(now, refused.At)}: {refused.Message}");
        }

        if (now.Missing.TryGetValue(id, out var missing))
        {
            yield return new Cause("input-missing", stages, missing);
        }

        if (OtherIdentity(now, id) is { } cause)
        {
            yield return cause;
        }
    }

    private static Cause Tries(ExplainContext now, StageId id, IReadOnlyList<string> stages)
    {
        var root = now.Facts.RootOf(id);
        var error = now.Last(id, EventKind.StageError) is { } happened
            ? $" The last error, {Ago(now, happened.At)}: {happened.Message}"
            : "";
        var wait =
            root.Owner is null && TakePause.Left(root.FailedTakes, root.WrittenAt, now.Now) is { } left
                ? FormattableString.Invariant($" It is tried again in {Math.Ceiling(left.TotalSeconds)} s.")
                : "";
        return new Cause(
            "tried-again",
            stages,
            FormattableString.Invariant(
                $"{root.FailedTakes} {(root.FailedTakes == 1 ? "take" : "takes")} since the last commit failed; at {now.Facts.Spec.Operations.FailureBudget} (failureBudget) it fails until a retry is asked for.{wait}{error}"
            ),
            $"slowrun events {now.Run} --stage {id}"
        );
    }

    /// <summary>Silos leave a started stage alone if their engine or device would give other bits. Null: one of them would take it, or
    /// nothing is known of them.</summary>
    private static Cause? OtherIdentity(ExplainContext now, StageId id)
    {
        string[] stages = [id.ToString()];
        var silos = now.Silos.Where(silo => silo.Active).Select(silo => (silo.Name, Has: now.ArithmeticOf(silo))).ToList();
        var known = silos.Where(silo => silo.Has.Count > 0).ToList();
        if (
            now.Facts.RootOf(id).Identity is not { } begun
            || silos.Count == 0
            || known.Any(silo => silo.Has.Contains((begun.EngineRevision, begun.NumericsFingerprint)))
        )
        {
            return null;
        }

        if (
            known.Count == 0
            || known.Any(silo => silo.Has.Any(has => has.EngineRevision == begun.EngineRevision && has.Fingerprint is null))
        )
        {
            var isFree = now.Silos.Any(silo => silo.Active && now.FreeSlotsOf(silo) is null or { Count: > 0 });
            return !isFree || now.Now - now.Facts.RootOf(id).WrittenAt < UntakenAfter
                ? null
                : new Cause(
                    "untaken",
                    stages,
                    "No silo that is alive has taken it, and which arithmetic their devices have is not known from here. Their logs, and events of kind 'take-refused', say why.",
                    $"slowrun events {now.Run} --stage {id} --kind take-refused"
                );
        }

        var unknown =
            silos.Count > known.Count ? FormattableString.Invariant($", of {silos.Count - known.Count} more nothing is known") : "";
        if (known.All(silo => silo.Has.All(has => has.EngineRevision != begun.EngineRevision)))
        {
            var revisions = string.Join(
                ", ",
                known.Take(5).Select(silo => FormattableString.Invariant($"{silo.Name} has {silo.Has[0].EngineRevision}"))
            );
            return new Cause(
                "engine-revision",
                stages,
                FormattableString.Invariant(
                    $"It was begun with engine revision {begun.EngineRevision}, and another one gives other bytes ({revisions}{unknown}). "
                ) + IdentityDifferences.Advice(begun, begun with { EngineRevision = known[0].Has[0].EngineRevision })
            );
        }

        var has = string.Join(
            ", ",
            known
                .Take(5)
                .Select(silo => $"{silo.Name} has {string.Join(" and ", silo.Has.Select(one => Human.Hash(one.Fingerprint ?? "unknown")))}")
        );
        return new Cause(
            "fingerprint",
            stages,
            $"It was begun with the arithmetic of numerics fingerprint {Human.Hash(begun.NumericsFingerprint)}, and goes on only on a device that has the same, since another would give other bytes ({has}{unknown}). "
                + "Start a silo on a machine of that kind; or let it go on with another's, after which its bytes cannot be reproduced.",
            $"slowrun retry {now.Run}/{id} --adopt-device"
        );
    }

    private static string GoesOn(ExplainContext now, StageId id)
    {
        var root = now.Facts.RootOf(id);
        return root.DurableStep > 0
            ? FormattableString.Invariant($"goes on from step {root.DurableStep} of {root.Steps}")
            : "begins with its first step";
    }

    private static string Ago(ExplainContext now, DateTimeOffset at) => $"{Human.Time(now.Now - at)} ago";
}
