using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Brings what a stage trains from out of the store, verified: token sets and the teachers' weights.</summary>
internal sealed class StageInputsLoader(IObjectStore store, TokenSets tokens, TimeProvider time)
{
    /// <exception cref="InvalidDataException">Something is missing or damaged; nothing is trained on it.</exception>
    public async Task<LoadedStage> LoadAsync(StageWork work, CancellationToken cancellationToken)
    {
        var sets = await tokens.GetAsync(work.Spec.Recipe.Data.Sha256!, cancellationToken);
        IReadOnlyList<TensorData>? teacher = work.Teacher is { } snapshot
            ? await new SnapshotStore(store, work.Run, time).ReadAsync(snapshot.Sha256, cancellationToken)
            : null;
        IReadOnlyList<TensorData>? final = work.Predecessor is { Current: { } state } before
            ? await new CheckpointReader(store).ReadAsync(work.Run, work.Plan.Predecessor!.Value, state, before.Identity, cancellationToken: cancellationToken)
            : null;
        var members = await MembersAsync(work.Plan.TeacherEnsemble, cancellationToken);
        return new LoadedStage(
            new StageInputs
            {
                Plan = work.Plan,
                Train = sets.Train,
                Fitness = sets.Fitness,
                Validation = sets.Validation,
                Teacher = teacher,
                TeacherMembers = work.Plan.TeacherEnsemble is null ? null : [.. members.Select(member => member.Tensors)],
                Predecessor = final,
            },
            members);
    }

    /// <summary>Every member of a teaching ensemble: where one is missing or damaged, nothing is taught by the others alone.</summary>
    private async Task<IReadOnlyList<SnapshotWeights>> MembersAsync(TeacherRecipe? ensemble, CancellationToken cancellationToken)
    {
        var snapshots = new LocalSnapshots(store);
        var members = new List<SnapshotWeights>();
        try
        {
            foreach (var member in ensemble?.Members ?? [])
            {
                members.Add(await snapshots.OpenAsync(ensemble!.Run, member.Sha256, cancellationToken));
            }

            return members;
        }
        catch (InvalidDataException e)
        {
            members.ForEach(member => member.Dispose());
            throw new InvalidDataException($"Member {members.Count + 1} of the {ensemble!.Members.Count} that teach, of run '{ensemble.Run}': {e.Message}", e);
        }
        catch
        {
            members.ForEach(member => member.Dispose());
            throw;
        }
    }
}
