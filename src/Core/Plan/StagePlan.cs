using Slowrun.Core.Recipes;

namespace Slowrun.Core.Plan;

/// <summary>One stage of a run with every override applied: all that the engine gets.</summary>
public sealed record StagePlan
{
    public required StageId Id { get; init; }

    public required ChainRole Role { get; init; }

    /// <summary>SHA-256 of the snapshot that the stage is finished with, without a training; null: it is trained.</summary>
    public string? ImportedSha256 { get; init; }

    /// <summary>Tokens that one of its steps trains on.</summary>
    public int TokensPerStep => ImportedSha256 is null ? Stage.BatchTokens : 0;

    /// <summary>Everything random in the stage is a function of (this, what, step).</summary>
    public required int Seed { get; init; }

    public required ModelRecipe Model { get; init; }

    public required StageRecipe Stage { get; init; }

    public required EvaluationRecipe Evaluation { get; init; }

    public required DataRecipe Data { get; init; }

    /// <summary>The snapshot of this stage teaches alone; null: none does.</summary>
    public StageId? Teacher { get; init; }

    /// <summary>All stages before it in its chain, where the mean of their models teaches; else empty.</summary>
    public IReadOnlyList<EarlierModel> EarlierTeachers { get; init; } = [];

    /// <summary>How the predictions of <see cref="EarlierTeachers"/> are averaged: as the run's ensemble.</summary>
    public EnsembleAverage EarlierAverage { get; init; }

    /// <summary>
    /// An ensemble that teaches instead, from the stage's first step on: another run's, or at a take that of <see
    /// cref="EarlierTeachers"/> (<see cref="TaughtBy"/>). Null: none does.
    /// </summary>
    public TeacherRecipe? TeacherEnsemble { get; init; }

    public bool IsTaught => TeacherModels > 0;

    /// <summary>Models whose predictions are learnt; 0: none.</summary>
    public int TeacherModels =>
        TeacherEnsemble?.Members.Sum(member => member.Models)
        ?? (
            EarlierTeachers.Count > 0 ? EarlierTeachers.Sum(earlier => earlier.Models)
            : Teacher is null ? 0
            : 1
        );

    /// <summary>The model whose weights take turns where an ensemble teaches; null: none does.</summary>
    public ModelRecipe? TeachingModel => TeacherEnsemble?.Model ?? (EarlierTeachers.Count > 0 ? Model : null);

    /// <summary>The stages of its own run whose snapshots teach.</summary>
    public IEnumerable<StageId> TeacherStages => Teacher is { } one ? [one] : EarlierTeachers.Select(earlier => earlier.Stage);

    /// <summary>This stage's final state is continued; null: fresh weights.</summary>
    public StageId? Predecessor { get; init; }

    /// <summary>How many stages the chain has: settings that change over a chain are spread over them.</summary>
    public int ChainStages { get; init; } = 1;

    /// <summary>
    /// Seed of the data order, which continued stages share: they go on in it where the one before stopped. Null: <see cref="Seed"/>.
    /// </summary>
    public int? OrderSeed { get; init; }

    /// <summary>This stage with the earlier models of its chain as the ensemble that teaches it, each with the same share.</summary>
    /// <param name="run">Its own.</param>
    /// <param name="snapshots">SHA-256 of each of <see cref="EarlierTeachers"/>, in their order.</param>
    public StagePlan TaughtBy(string run, IReadOnlyList<string> snapshots)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        return EarlierTeachers.Count == 0
            ? this
            : this with
            {
                TeacherEnsemble = new TeacherRecipe
                {
                    Run = run,
                    Average = EarlierAverage,
                    Model = Model,
                    Members =
                    [
                        .. EarlierTeachers.Zip(
                            snapshots,
                            (earlier, sha256) =>
                                new TeacherMemberRecipe
                                {
                                    Sha256 = sha256,
                                    Weight = 1.0 / EarlierTeachers.Count,
                                    Models = earlier.Models,
                                    Loop = earlier.Loop,
                                    Recurrence = earlier.Recurrence,
                                }
                        ),
                    ],
                },
            };
    }

    public bool Equals(StagePlan? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
