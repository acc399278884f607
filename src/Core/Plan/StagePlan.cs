using Slowrun.Core.Recipes;

namespace Slowrun.Core.Plan;

/// <summary>One stage of a run with every override applied: all that the engine gets.</summary>
public sealed record StagePlan
{
    public required StageId Id { get; init; }

    public required ChainRole Role { get; init; }

    /// <summary>Everything random in the stage is a function of (this, what, step).</summary>
    public required int Seed { get; init; }

    public required ModelRecipe Model { get; init; }

    public required StageRecipe Stage { get; init; }

    public required EvaluationRecipe Evaluation { get; init; }

    public required DataRecipe Data { get; init; }

    /// <summary>The snapshot of this stage teaches; null: none does.</summary>
    public StageId? Teacher { get; init; }

    /// <summary>An ensemble that teaches instead, from the stage's first step on; null: none does.</summary>
    public TeacherRecipe? TeacherEnsemble { get; init; }

    public bool IsTaught => TeacherModels > 0;

    /// <summary>Models whose predictions are learnt; 0: none.</summary>
    public int TeacherModels => TeacherEnsemble?.Members.Sum(member => member.Models) ?? (Teacher is null ? 0 : 1);

    /// <summary>This stage's final state is continued; null: fresh weights.</summary>
    public StageId? Predecessor { get; init; }

    /// <summary>How many stages the chain has: settings that change over a chain are spread over them.</summary>
    public int ChainStages { get; init; } = 1;

    /// <summary>
    /// Seed of the data order, which continued stages share: they go on in it where the one before stopped. Null: <see cref="Seed"/>.
    /// </summary>
    public int? OrderSeed { get; init; }
}
