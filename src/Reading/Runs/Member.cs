using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Reading.Runs;

/// <summary>A stage as a member of the ensemble: what its snapshot is and comes from.</summary>
/// <param name="Weight">In the mixture; 0 where it was left out; null where it is in none yet.</param>
public sealed record Member(
    StageId Stage,
    ChainRole Role,
    string? SnapshotSha256,
    double? LossNats,
    double? BitsPerByte,
    double? FitnessLossNats,
    double? Weight
)
{
    /// <summary>The stage whose snapshot taught it.</summary>
    public StageId? Teacher { get; init; }

    /// <summary>How many stages before it taught it by the mean of their models; 0: they did not.</summary>
    public int EarlierTeachers { get; init; }

    /// <summary>Of the snapshot that taught, or of all that several teachers' predictions depend on.</summary>
    public string? TeacherSha256 { get; init; }

    /// <summary>The stage whose final state it continues.</summary>
    public StageId? GoesOnFrom { get; init; }

    /// <summary>Its weights were trained elsewhere.</summary>
    public bool IsImported { get; init; }

    public string? NumericsFingerprint { get; init; }

    public int? EngineRevision { get; init; }

    /// <summary>Above 0: its bytes depend on the step at which it changed to another device's arithmetic.</summary>
    public int Adoptions { get; init; }

    /// <summary>All stages of a run, in order.</summary>
    public static IReadOnlyList<Member> Of(RunReading run)
    {
        var weights = new Dictionary<StageId, double>();
        if (run.Status.Ensemble is { } ensemble)
        {
            for (var i = 0; i < ensemble.MemberStages.Count; i++)
            {
                weights[ensemble.MemberStages[i]] = ensemble.Weights?[i] ?? 1.0 / ensemble.MemberStages.Count;
            }
        }

        return [.. run.Facts.Plan.Stages.Select(plan => Of(run.Facts, plan, weights))];
    }

    private static Member Of(RunFacts facts, StagePlan plan, Dictionary<StageId, double> weights)
    {
        var root = facts.RootOf(plan.Id);
        var score = facts.ScoreOf(plan.Id);
        return new Member(
            plan.Id,
            plan.Role,
            root.Snapshot?.Sha256,
            score?.LossNats,
            score?.BitsPerByte,
            facts.FitnessScoreOf(plan.Id)?.LossNats,
            weights.TryGetValue(plan.Id, out var weight) ? weight : null
        )
        {
            Teacher = plan.Teacher,
            EarlierTeachers = plan.EarlierTeachers.Count,
            TeacherSha256 = root.Identity?.TeacherSha256,
            GoesOnFrom = plan.Predecessor,
            IsImported = plan.ImportedSha256 is not null,
            NumericsFingerprint = root.Identity?.NumericsFingerprint,
            EngineRevision = root.Identity?.EngineRevision,
            Adoptions = root.Adoptions,
        };
    }
}
