using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Interfaces;

/// <summary>What has changed of a run since the version that the question names, and the work that the silo may offer slots to.</summary>
/// <param name="Silo">Whose grain has read it.</param>
public sealed record RunNews(NewsVersion Version, string Silo) : ExtensibleRecord
{
    /// <summary>Whether this replaces all earlier answers.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Null where nothing of it has changed.</summary>
    public OrdersNews? Orders { get; init; }

    /// <summary>Roots by stage.</summary>
    public IReadOnlyDictionary<StageId, StageRoot> Roots { get; init; } = new Dictionary<StageId, StageRoot>();

    /// <summary>Stages that have no root any more.</summary>
    public IReadOnlyList<StageId> RootsGone { get; init; } = [];

    /// <summary>Null where nothing of it has changed.</summary>
    public JudgingNews? Judging { get; init; }

    /// <summary>All of it; null where nothing of it has changed.</summary>
    public IReadOnlyList<DocumentDamage>? Damage { get; init; }

    /// <summary>Ready work that no other silo is offered for the next seconds.</summary>
    public IReadOnlyList<string> Handed { get; init; } = [];

    /// <summary>The version of the cluster's membership that the reader has seen; 0: the reader runs an older version.</summary>
    public long MembershipVersion { get; init; }

    /// <summary>How many pieces of ready work wait for slots, those handed to this silo among them.</summary>
    public int Waiting { get; init; }
}

/// <param name="Spec">With the operations as they are now, as canonical JSON: a silo that does not know all of it refuses the run.</param>
public sealed record OrdersNews(string Spec, RunIntent Intent, DateTimeOffset? SubmittedAt) : ExtensibleRecord;

/// <param name="Scores">Those that are new.</param>
/// <param name="FitnessScores">Those that are new.</param>
/// <param name="Ensembles">Those that are new.</param>
public sealed record JudgingNews(
    IReadOnlyList<MemberScore> Scores,
    IReadOnlyList<MemberScore> FitnessScores,
    IReadOnlyList<EnsembleScore> Ensembles,
    JudgingFailures Failures
) : ExtensibleRecord
{
    /// <summary>Whether earlier scores no longer count, so that these are all.</summary>
    public bool IsWhole { get; init; }
}
