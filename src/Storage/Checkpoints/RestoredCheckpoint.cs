using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>What a take goes on from.</summary>
/// <param name="Checkpoint">Null: the root names none that is whole. With damage that means work is lost: the caller decides and says
/// so.</param>
/// <param name="Tensors">Empty where there is no checkpoint.</param>
/// <param name="Damaged">Newer ones that could not be used, and why.</param>
public sealed record RestoredCheckpoint(
    CheckpointRef? Checkpoint,
    IReadOnlyList<TensorData> Tensors,
    IReadOnlyList<DamagedCheckpoint> Damaged
);

/// <param name="Why">Names the object, what was found and what was expected.</param>
public sealed record DamagedCheckpoint(CheckpointRef Checkpoint, string Why);
