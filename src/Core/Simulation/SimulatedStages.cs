using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Simulation;

/// <summary>The documents of a simulated run: what owners would write of stages, scores and ensembles, and in which words the decisions
/// are asked.</summary>
internal sealed class SimulatedStages
{
    private readonly FleetModel fleet;
    private readonly IReadOnlyDictionary<StageId, StageModel> models;
    private readonly Dictionary<StageId, StageRoot> roots = [];
    private readonly Dictionary<StageId, StageProgress> progress = [];
    private readonly List<MemberScore> scores = [];
    private readonly List<MemberScore> fitness = [];
    private readonly List<EnsembleScore> ensembles = [];
    private readonly Dictionary<StageId, double> seenDeadAt = [];
    private readonly SimulatedStore store;

    public SimulatedStages(RunSpec spec, RunPlan plan, IReadOnlyDictionary<StageId, StageModel> models, FleetModel fleet)
    {
        (this.models, this.fleet) = (models, fleet);
        store = new SimulatedStore(spec.Operations.KeepCheckpoints);
        Facts = new RunFacts(spec, plan)
        {
            Roots = roots,
            Progress = progress,
            Scores = scores,
            FitnessScores = fitness,
            Ensembles = ensembles,
            AliveSilos = Alive,
            SubmittedAt = SimulatedTime.At(0),
        };
    }

    /// <summary>Always as of now: it reads what this changes.</summary>
    public RunFacts Facts { get; }

    /// <summary>What the store has held until now.</summary>
    public StoreUse StoreUntil(double now) => store.Until(now);

    public HashSet<string> Alive { get; } = new(StringComparer.Ordinal);

    /// <summary>Takes a stage, unless its documents speak against it.</summary>
    /// <returns>What the owner will do; null: it may not be taken.</returns>
    public OwnerSpan? Take(StageId id, SimulatedMachine machine, IReadOnlyList<string> slots, double now, double servedSince)
    {
        var plan = Facts.Plan[id];
        var before = roots.GetValueOrDefault(id);
        var other = TakeDecision.OwnerToAskFor(before?.Owner, machine.Name);
        if (
            TakeDecision.RefusalOfRoot(before, other is not null && Alive.Contains(other.Silo) ? other : null) is not null
            || TakeDecision.RefusalOfTeachers(plan, plan.TeacherStages.Select(teacher => Facts.RootOf(teacher).Snapshot)) is not null
            || TakeDecision.RefusalOfPredecessor(plan, plan.Predecessor is { } from ? Facts.RootOf(from) : null) is not null
            || TakeDecision.RefusalOfIntent(plan, Facts.Intent) is not null
        )
        {
            return null;
        }

        var unowned = new UnownedTime
        {
            Root = before,
            Progress = progress.GetValueOrDefault(id),
            SubmittedAt = SimulatedTime.At(0),
            BeforeFinishedAt = id.Before is { } earlier ? Facts.RootOf(earlier).Ledger.Until : null,
            ServedSince = SimulatedTime.At(servedSince),
            ReadySince = seenDeadAt.TryGetValue(id, out var seen) ? SimulatedTime.At(seen) : null,
        };
        var root = before ?? new StageRoot { Steps = models[id].Steps };
        if (root.Owner is { } lost)
        {
            root = root.Preempted(lost.Silo) with { LostSteps = root.LostSteps + unowned.LostSteps };
        }

        var at = SimulatedTime.At(now);
        roots[id] = root with
        {
            EpochToken = root.EpochToken + 1,
            Owner = new StageOwner(machine.Name, machine.Name, slots, at),
            ReleasedFor = null,
            Ledger = unowned.Until(at),
            WrittenAt = at,
        };
        seenDeadAt.Remove(id);
        var span = new OwnerSpan(roots[id], models[id], fleet, Facts.Spec.Operations, slots.Count);
        store.Begin(id, roots[id], Commits(id, span, models[id].Steps), models[id].CheckpointBytes, models[id].SnapshotBytes, now);
        return span;
    }

    public void Finish(StageId id, OwnerSpan span, double takenAt, double now)
    {
        var state = span.At(now - takenAt);
        var at = SimulatedTime.At(now);
        var root = Committed(id, span, models[id].Steps, span.Pace, models[id].SnapshotBytes, now);
        roots[id] = root with
        {
            Owner = null,
            Snapshot = new SnapshotRef($"{id}", $"{id}", models[id].SnapshotBytes, at),
            Ledger = Spent(root.Ledger, state, at),
            WrittenAt = at,
        };
    }

    /// <summary>The machine is gone without a word. Its stage stays owned until others know.</summary>
    public void Lose(StageId id, OwnerSpan span, double takenAt, double now)
    {
        var state = span.At(now - takenAt);
        var root = roots[id];
        var at = SimulatedTime.At(now);
        progress[id] = new StageProgress
        {
            Stage = $"{id}",
            EpochToken = root.EpochToken,
            Activity = StageActivity.Training,
            Step = state.Step,
            Steps = root.Steps,
            Ledger = Spent(root.Ledger, state, at),
            At = at,
        };
        roots[id] = Committed(id, span, state.DurableStep, state.Pace, 0, now) with
        {
            Ledger = root.Ledger with
            {
                TrainingSeconds = root.Ledger.TrainingSeconds + state.KeptSeconds,
                Checkpoints = root.Ledger.Checkpoints + state.Checkpoints,
            },
        };
    }

    public void SeenDead(StageId id, double now) => seenDeadAt.TryAdd(id, now);

    /// <summary>The owner was told that its machine goes away: it commits its last step if <see cref="LeavePlan"/> lets it, and releases
    /// the stage.</summary>
    /// <returns>When it is released.</returns>
    public double Leave(StageId id, OwnerSpan span, double takenAt, double now, double noticeSeconds)
    {
        var root = roots[id];
        var told = span.At(now - takenAt);
        var quiet = takenAt + told.QuietAt;
        var late = now + LeavePlan.TimeToCommit(TimeSpan.FromSeconds(noticeSeconds)).TotalSeconds;
        var (durable, at) = (told.DurableStep, Math.Min(quiet, late));
        if (quiet <= late)
        {
            durable = told.BegunStep;
            var left = TimeSpan.FromSeconds(now + noticeSeconds - quiet);
            TimeSpan? took = told.Pace is { } pace ? TimeSpan.FromSeconds(pace.TookSeconds) : null;
            if (told.Step > durable && LeavePlan.Fits(left, took))
            {
                var last = fleet.StallSeconds + fleet.BehindSeconds(models[id].CheckpointBytes);
                var time = LeavePlan.TimeToCommit(left).TotalSeconds;
                (durable, at) = last <= time ? (told.Step, quiet + last) : (durable, quiet + time);
            }
        }

        var spent = Spent(root.Ledger, told, SimulatedTime.At(now)).Spend(Account.Stall, SimulatedTime.At(at));
        // Of the step that was broken off nothing counts, nor of steps that are not durable.
        var kept =
            told.KeptSeconds + (told.WholeSteps - told.KeptSeconds) * Share(durable - told.DurableStep, told.Step - told.DurableStep);
        roots[id] = Committed(id, span, durable, told.Pace ?? span.Pace, 0, at).Preempted(root.Owner!.Silo) with
        {
            Owner = null,
            ReleasedFor = ReleaseCause.Evicted,
            LostSteps = root.LostSteps + told.Step - durable,
            Ledger = spent.Lose(root.Ledger.TrainingSeconds + kept),
            WrittenAt = SimulatedTime.At(at),
        };
        return at;
    }

    public void Score(StageId id)
    {
        var score = new MemberScore
        {
            SnapshotSha256 = Facts.RootOf(id).Snapshot!.Sha256,
            SetSha256 = "",
            Rows = 1,
            NumericsFingerprint = "",
            Tokens = 1,
            LossNats = 0,
            BitsPerByte = 0,
            Vector = "",
            VectorXxHash128 = "",
        };
        scores.Add(score);
        if (Facts.Plan.IsJudgedOnFitness(id))
        {
            fitness.Add(score);
        }
    }

    public void Average(IReadOnlyList<StageId> members) =>
        ensembles.Add(
            new EnsembleScore
            {
                Members = [.. members.Select(member => Facts.RootOf(member).Snapshot!.Sha256)],
                Running = [],
                LossNats = 0,
                BitsPerByte = 0,
            }
        );

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;

    /// <summary>The stage's root after its owner has committed all up to a step, and the store with it.</summary>
    private StageRoot Committed(StageId id, OwnerSpan span, int durable, CheckpointPace? pace, long snapshotBytes, double now) =>
        store.End(id, roots[id], Commits(id, span, durable), pace, models[id].CheckpointBytes, snapshotBytes, now);

    /// <summary>The last steps that an owner commits up to the durable one: what it captures, and then that one.</summary>
    private IEnumerable<int> Commits(StageId id, OwnerSpan span, int durable)
    {
        var captured = span.Captured(durable, store.Turnover).ToList();
        return durable > roots[id].DurableStep && (captured.Count == 0 || captured[^1] < durable) ? captured.Append(durable) : captured;
    }

    private static StageLedger Spent(StageLedger atTake, SpanState state, DateTimeOffset at) =>
        atTake with
        {
            RestoreSeconds = atTake.RestoreSeconds + state.RestoreSeconds,
            TrainingSeconds = atTake.TrainingSeconds + state.TrainingSeconds,
            StallSeconds = atTake.StallSeconds + state.StallSeconds,
            Checkpoints = atTake.Checkpoints + state.Checkpoints,
            Until = at,
        };
}
