using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;

namespace Slowrun.Training.Stages;

/// <summary>The inputs of a stage, all loaded: the engine uses no store and no clock.</summary>
public sealed record StageInputs
{
    public required StagePlan Plan { get; init; }

    public required TokenSet Train { get; init; }

    /// <summary>What weights are chosen on, where the recipe chooses on it.</summary>
    public TokenSet? Fitness { get; init; }

    /// <summary>Only read for a baseline that is kept at its best validation loss.</summary>
    public TokenSet? Validation { get; init; }

    /// <summary>Weights of the stage before, under upstream's names; needed where the plan has a teacher.</summary>
    public IReadOnlyList<TensorData>? Teacher { get; init; }

    /// <summary>
    /// The members' snapshots of an ensemble that teaches, in the recipe's order. The only inputs that need not be in memory: bytes of a
    /// mapped file will do, as long as the training lives.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<TensorData>>? TeacherMembers { get; init; }

    /// <summary>Final state of the stage before, for a stage that continues it.</summary>
    public IReadOnlyList<TensorData>? Predecessor { get; init; }
}
