using Slowrun.Core.Models;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Plan;

/// <summary>What can be done next of a run. The slot loop takes its work from here, and status shows the same to users.</summary>
public static class Readiness
{
    /// <summary>Stages that a free slot may take, the one with the longest way to its chain's end first: it decides when the run
    /// ends.</summary>
    public static IReadOnlyList<StageId> ToTrain(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var chains = facts.Plan.Stages.ToLookup(stage => stage.Id.Chain);
        return
        [
            .. facts
                .Plan.Stages.Where(stage => StateOf(facts, stage.Id) == StageState.Ready)
                .OrderByDescending(stage => ChainWork(facts, chains[stage.Id.Chain], stage.Id))
                .Select(stage => stage.Id),
        ];
    }

    /// <summary>Finished stages, baselines too, whose snapshot lacks a score. A silo may be scoring it already: scoring twice does no
    /// harm.</summary>
    public static IReadOnlyList<StageId> ToScore(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return [.. facts.Plan.Stages.Select(stage => stage.Id).Where(id => StateOf(facts, id) == StageState.Scoring)];
    }

    /// <summary>
    /// The members whose mixture is to be computed now, in the ensemble's order: all that are scored, unless that mixture is there
    /// already. Null: nothing is due.
    /// </summary>
    public static IReadOnlyList<StageId>? EnsembleDue(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var members = facts.ScoredMembers;
        return
            members.Count > 0
            && facts.Intent.Run != DesiredState.Cancelled
            && facts.EnsembleOf(members) is null
            && facts.EnsembleFailureOf(members) is null
            ? members
            : null;
    }

    public static StageState StateOf(RunFacts facts, StageId id)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.DamageOf(id) is not null)
        {
            return StageState.Damaged;
        }

        if (facts.IsScored(id))
        {
            return StageState.Done;
        }

        if (facts.FailureOf(id) is not null)
        {
            return StageState.Failed;
        }

        var root = facts.RootOf(id);
        return facts.Intent.Of(id.ToString()) switch
        {
            DesiredState.Cancelled => StageState.Cancelled,
            DesiredState.Paused => StageState.Paused,
            _ when root.Finished => StageState.Scoring,
            _ when facts.LivingOwnerOf(id) is not null => StageState.Training,
            _ when id.Before is { } before && !facts.RootOf(before).Finished => StageState.Waiting,
            _ when facts.Plan[id].EarlierTeachers.Any(earlier => !facts.RootOf(earlier.Stage).Finished) => StageState.Waiting,
            _ => StageState.Ready,
        };
    }

    public static RunState StateOf(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var states = facts.Plan.Stages.Select(stage => StateOf(facts, stage.Id)).ToHashSet();
        var done = states.SetEquals([StageState.Done]);
        if (done && (!facts.Plan.HasMembers || facts.EnsembleOf(facts.ScoredMembers) is not null))
        {
            return RunState.Succeeded;
        }

        if (facts.Intent.Run == DesiredState.Cancelled)
        {
            return RunState.Cancelled;
        }

        if (done && facts.EnsembleFailureOf(facts.ScoredMembers) is not null)
        {
            return RunState.Failed;
        }

        // A damaged stage goes on once its root is recovered; a failed stage does not keep the others from being averaged.
        if (
            done
            || states.Overlaps([StageState.Training, StageState.Ready, StageState.Scoring, StageState.Damaged])
            || (states.Contains(StageState.Failed) && !states.Contains(StageState.Paused) && EnsembleDue(facts) is not null)
        )
        {
            return facts.Roots.Values.Any(root => root.EpochToken > 0) ? RunState.Running : RunState.Pending;
        }

        // Nothing can go on without the user. A stage that a resume would start is paused, even if another one has failed.
        return states.Contains(StageState.Paused) ? RunState.Paused
            : states.Contains(StageState.Failed) ? RunState.Failed
            : RunState.Cancelled;
    }

    /// <summary>Whether nothing more happens unless the user asks for it.</summary>
    public static bool IsOver(RunState state) => state is RunState.Succeeded or RunState.Failed or RunState.Cancelled;

    /// <summary>Layer passes that are left from this stage to its chain's end, for comparison with other chains of the run.</summary>
    private static double ChainWork(RunFacts facts, IEnumerable<StagePlan> chain, StageId id) =>
        chain
            .Where(stage => stage.Id.Stage >= id.Stage)
            .Sum(stage =>
            {
                var visits = LayerVisits.Mean(stage.Model.Layers, stage.Stage);
                // Forward and backward are three forward passes; each teacher adds one.
                var work = stage.Stage.Epochs * visits * (3 + stage.TeacherModels);
                var root = facts.RootOf(stage.Id);
                return root.Finished || stage.ImportedSha256 is not null
                    ? 0
                    : work * (1 - ((double)root.DurableStep / Math.Max(1, root.Steps)));
            });
}
