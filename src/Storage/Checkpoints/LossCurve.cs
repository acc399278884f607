using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>The training loss of a stage's steps, as one checkpoint has it: steps that were trained again after a loss appear
/// once.</summary>
/// <param name="Checkpoint">What it was read from.</param>
/// <param name="LossNats">Mean loss of step 1, 2, … in nats per token; as many as the checkpoint has steps.</param>
public sealed record LossCurve(CheckpointRef Checkpoint, IReadOnlyList<float> LossNats);
