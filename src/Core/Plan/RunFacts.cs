using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Plan;

/// <summary>
/// All that is known of a run at one moment, whether the run grain knows it or it was just read from the store. Readiness and status
/// are functions of this and nothing else.
/// </summary>
public sealed record RunFacts
{
    public RunFacts(RunSpec spec)
        : this(spec, new RunPlan((spec ?? throw new ArgumentNullException(nameof(spec))).Recipe)) { }

    /// <param name="plan">The spec's plan, where the caller keeps one.</param>
    public RunFacts(RunSpec spec, RunPlan plan) => (Spec, Plan) = (spec, plan);

    public RunSpec Spec { get; }

    public RunPlan Plan { get; }

    public RunIntent Intent { get; init; } = new();

    /// <summary>Roots of the stages that were ever taken.</summary>
    public IReadOnlyDictionary<StageId, StageRoot> Roots { get; init; } = new Dictionary<StageId, StageRoot>();

    /// <summary>The last progress report of each stage's owner.</summary>
    public IReadOnlyDictionary<StageId, StageProgress> Progress { get; init; } = new Dictionary<StageId, StageProgress>();

    /// <summary>Scores on the validation set, in any order; a snapshot scored on two kinds of machine has two.</summary>
    public IReadOnlyList<MemberScore> Scores { get; init; } = [];

    /// <summary>Scores on the fitness set, which only a recipe that selects members asks for.</summary>
    public IReadOnlyList<MemberScore> FitnessScores { get; init; } = [];

    /// <summary>Ensembles computed so far.</summary>
    public IReadOnlyList<EnsembleScore> Ensembles { get; init; } = [];

    /// <summary>What could not be scored or averaged.</summary>
    public JudgingFailures Judging { get; init; } = new();

    /// <summary>Addresses (as in <see cref="StageOwner.Silo"/>) of the silos that the cluster's membership holds for alive.</summary>
    public IReadOnlySet<string> AliveSilos { get; init; } = new HashSet<string>();

    /// <summary>When the run was submitted, by the store's clock; null: not known.</summary>
    public DateTimeOffset? SubmittedAt { get; init; }

    /// <summary>Documents that could not be read: their content is missing from the other members.</summary>
    public IReadOnlyList<DocumentDamage> Damage { get; init; } = [];

    /// <summary>Grows with every commit: while it does not grow, the run makes no progress.</summary>
    public long Committed => Roots.Values.Sum(root => root.DurableStep + (root.Finished ? 1L : 0)) + Scores.Count + Ensembles.Count;

    public StageRoot RootOf(StageId id) => Roots.TryGetValue(id, out var root) ? root : NeverTaken;

    /// <summary>The damage of the stage's root, without which the stage's state is unknown; null: there is none.</summary>
    public DocumentDamage? DamageOf(StageId id) => Damage.FirstOrDefault(damage => damage.What == DocumentKind.Root && damage.Stage == id);

    /// <summary>The damage of the user's order, where it has no copy either: the run is held. Null: the order is known.</summary>
    public DocumentDamage? LostIntent => Damage.FirstOrDefault(damage => damage is { What: DocumentKind.Intent, FromCopy: false });

    /// <summary>The owner, if it is alive.</summary>
    public StageOwner? LivingOwnerOf(StageId id) => RootOf(id).Owner is { } owner && AliveSilos.Contains(owner.Silo) ? owner : null;

    /// <summary>A failure of its training, or of the scoring of its snapshot, that no retry was asked for since.</summary>
    public StageFailure? FailureOf(StageId id)
    {
        var root = RootOf(id);
        return root.Failure is { } failure && Intent.Retries.GetValueOrDefault(id.ToString()) <= failure.Retry ? failure
            : root.Snapshot is { } snapshot ? JudgingFailureOf(id.ToString(), snapshot.Sha256)
            : null;
    }

    /// <summary>Why exactly these members cannot be averaged; null: they can, or a retry was asked for since.</summary>
    public StageFailure? EnsembleFailureOf(IReadOnlyList<StageId> members) =>
        JudgingFailureOf(JudgingFailures.Ensemble, SubjectOf(members));

    /// <summary>What <see cref="JudgingFailure.Subject"/> says of a mixture of these members.</summary>
    public string SubjectOf(IReadOnlyList<StageId> members) => CanonicalJson.Sha256(SnapshotsOf(members));

    /// <summary>The score of the stage's snapshot; where there are several, always the same one.</summary>
    public MemberScore? ScoreOf(StageId id) => OfSnapshot(Scores, id);

    /// <summary>Like <see cref="ScoreOf"/>, on the fitness set.</summary>
    public MemberScore? FitnessScoreOf(StageId id) => OfSnapshot(FitnessScores, id);

    /// <summary>Whether the stage's snapshot has every score that the recipe asks for.</summary>
    public bool IsScored(StageId id) => ScoreOf(id) is not null && (!Plan.IsJudgedOnFitness(id) || FitnessScoreOf(id) is not null);

    /// <summary>Members that can be mixed now, in the ensemble's order.</summary>
    public IReadOnlyList<StageId> ScoredMembers => [.. Plan.Members.Select(member => member.Id).Where(IsScored)];

    /// <summary>The mixture of exactly these members, if it has been computed.</summary>
    public EnsembleScore? EnsembleOf(IReadOnlyList<StageId> members)
    {
        var snapshots = SnapshotsOf(members);
        return Ensembles.FirstOrDefault(ensemble => ensemble.Members.SequenceEqual(snapshots));
    }

    private static StageRoot NeverTaken { get; } = new();

    private IReadOnlyList<string> SnapshotsOf(IReadOnlyList<StageId> members) =>
        [.. members.Select(id => RootOf(id).Snapshot?.Sha256 ?? "")];

    private StageFailure? JudgingFailureOf(string what, string subject) =>
        Judging.Of.TryGetValue(what, out var judging)
        && judging.GivenUp
        && judging.Subject == subject
        && Intent.Retries.GetValueOrDefault(what) <= judging.Failure.Retry
            ? judging.Failure
            : null;

    private MemberScore? OfSnapshot(IReadOnlyList<MemberScore> scores, StageId id) =>
        RootOf(id).Snapshot is { } snapshot ? ScoreIndex.Of(scores, snapshot.Sha256) : null;

    public bool Equals(RunFacts? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
