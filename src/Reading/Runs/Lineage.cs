using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;

namespace Slowrun.Reading.Runs;

/// <summary>The origin of every model of a run: its teacher, the weights that it continued, and its own snapshot.</summary>
public sealed record Lineage(
    string Run,
    string RecipeSha256,
    string? DataSha256,
    IReadOnlyList<LineageStage> Stages,
    LineageEnsemble? Ensemble
)
{
    public static Lineage Of(RunFacts facts, RunStatus status)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(status);
        var recipe = facts.Spec.Recipe;
        var ensemble = status.Ensemble is { } mixed
            ? new LineageEnsemble(
                mixed.LossNats,
                [.. mixed.MemberStages.Select((id, i) => new LineageMember(id, mixed.Weights?[i] ?? 1.0 / mixed.MemberStages.Count))]
            )
            : null;
        return new Lineage(
            facts.Spec.Name,
            CanonicalJson.Sha256(recipe),
            recipe.Data.Sha256,
            [.. facts.Plan.Stages.Select(plan => Stage(facts, plan))],
            ensemble
        );
    }

    private static LineageStage Stage(RunFacts facts, StagePlan plan)
    {
        var root = facts.RootOf(plan.Id);
        return new LineageStage
        {
            Id = plan.Id,
            Role = plan.Role,
            State = Readiness.StateOf(facts, plan.Id),
            Seed = plan.Seed,
            // The root has the actual teacher; before the first take there is only the plan.
            Teacher = plan.Teacher is { } teacher
                ? new LineageParent(teacher, root.Identity?.TeacherSha256 ?? facts.RootOf(teacher).Snapshot?.Sha256)
                : null,
            EarlierTeachers =
                plan.EarlierTeachers.Count == 0
                    ? null
                    : [.. plan.TeacherStages.Select(stage => new LineageParent(stage, facts.RootOf(stage).Snapshot?.Sha256))],
            TeacherIsOther = root.Identity?.TeacherSha256 is { } begun && TeacherNow(facts, plan) is { } now && begun != now,
            TeacherEnsemble = plan.TeacherEnsemble is { } ensemble
                ? new LineageTeachers(
                    ensemble.Run,
                    ensemble.ContentSha256(),
                    [.. ensemble.Members.Select(member => new LineageTeacher(member.Sha256, member.Weight))]
                )
                : null,
            ImportedSha256 = plan.ImportedSha256,
            Continues = plan.Predecessor is { } before ? new LineageParent(before, root.Identity?.PredecessorSha256) : null,
            SnapshotSha256 = root.Snapshot?.Sha256,
            ValLossNats = facts.ScoreOf(plan.Id)?.LossNats,
            NumericsFingerprint = root.Identity?.NumericsFingerprint,
            Adoptions = root.Adoptions,
        };
    }

    /// <summary>What a take would have of the run's own teachers in the stage's identity; null: none of it teaches, or not yet.</summary>
    private static string? TeacherNow(RunFacts facts, StagePlan plan)
    {
        var snapshots = plan.TeacherStages.Select(stage => facts.RootOf(stage).Snapshot?.Sha256).OfType<string>().ToList();
        return plan.Teacher is not null ? snapshots.FirstOrDefault()
            : plan.EarlierTeachers.Count > 0 && snapshots.Count == plan.EarlierTeachers.Count
                ? plan.TaughtBy(facts.Spec.Name, snapshots).TeacherEnsemble!.ContentSha256()
            : null;
    }
}

/// <param name="Sha256">Of a teacher: its snapshot; of a stage gone on from: its final state. Null: not known yet.</param>
public sealed record LineageParent(StageId Stage, string? Sha256);

/// <param name="Sha256">Of all that its predictions depend on.</param>
public sealed record LineageTeachers(string Run, string Sha256, IReadOnlyList<LineageTeacher> Members);

/// <param name="Sha256">Of its snapshot.</param>
public sealed record LineageTeacher(string Sha256, double Weight);

public sealed record LineageEnsemble(double LossNats, IReadOnlyList<LineageMember> Members);

/// <param name="Weight">0: left out by the selection.</param>
public sealed record LineageMember(StageId Stage, double Weight);

public sealed record LineageStage
{
    public required StageId Id { get; init; }

    public required ChainRole Role { get; init; }

    public required StageState State { get; init; }

    public required int Seed { get; init; }

    /// <summary>Null: none taught it.</summary>
    public LineageParent? Teacher { get; init; }

    /// <summary>All stages before it, where the mean of their models taught it, with their snapshots of now; null: it did not.</summary>
    public IReadOnlyList<LineageParent>? EarlierTeachers { get; init; }

    /// <summary>The other run whose ensemble taught it; null: none did.</summary>
    public LineageTeachers? TeacherEnsemble { get; init; }

    /// <summary>The teacher's snapshot is no longer the one that taught.</summary>
    public bool TeacherIsOther { get; init; }

    /// <summary>Of weights that were trained elsewhere; null: it was trained.</summary>
    public string? ImportedSha256 { get; init; }

    /// <summary>Null: it began with fresh weights.</summary>
    public LineageParent? Continues { get; init; }

    public string? SnapshotSha256 { get; init; }

    public double? ValLossNats { get; init; }

    public string? NumericsFingerprint { get; init; }

    /// <summary>Above 0: its bytes cannot be reproduced.</summary>
    public int Adoptions { get; init; }
}
