using Slowrun.Core.Tensors;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Brings what a stage trains from out of the store, verified: token sets and the teacher's weights.</summary>
internal sealed class StageInputsLoader(IObjectStore store, TokenSets tokens, TimeProvider time)
{
    /// <exception cref="InvalidDataException">Something is missing or damaged; nothing is trained on it.</exception>
    public async Task<StageInputs> LoadAsync(StageWork work, CancellationToken cancellationToken)
    {
        var sets = await tokens.GetAsync(work.Spec.Recipe.Data.Sha256!, cancellationToken);
        IReadOnlyList<TensorData>? teacher = work.Teacher is { } snapshot
            ? await new SnapshotStore(store, work.Run, time).ReadAsync(snapshot.Sha256, cancellationToken)
            : null;
        IReadOnlyList<TensorData>? final = work.Predecessor is { Current: { } state } before
            ? await new CheckpointReader(store).ReadAsync(work.Run, work.Plan.Predecessor!.Value, state, before.Identity, cancellationToken: cancellationToken)
            : null;
        return new StageInputs { Plan = work.Plan, Train = sets.Train, Fitness = sets.Fitness, Validation = sets.Validation, Teacher = teacher, Predecessor = final };
    }
}
