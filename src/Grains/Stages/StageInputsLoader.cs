using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Reads the inputs of a stage from the store, verified: token sets and the teachers' weights.</summary>
internal sealed class StageInputsLoader(IObjectStore store, TokenSets tokens, TimeProvider time)
{
    // Stages whose inputs this silo has found damaged after it had taken them.
    private readonly ConcurrentDictionary<string, bool> suspects = new(StringComparer.Ordinal);

    /// <exception cref="DamagedInputException">Something is missing or damaged; nothing is trained on it.</exception>
    public async Task<LoadedStage> LoadAsync(StageWork work, CancellationToken cancellationToken)
    {
        try
        {
            return await LoadAsync(
                new StageSources(work.Run, work.Spec.Recipe, work.Plan, work.Teacher, work.Predecessor),
                cancellationToken
            );
        }
        catch (InvalidDataException e)
        {
            Suspect(work);
            throw new DamagedInputException(e.Message, e);
        }
    }

    /// <summary>Reads the weights that the stage is finished with, where they were imported.</summary>
    /// <param name="sha256">Of their snapshot.</param>
    /// <exception cref="DamagedInputException">They are missing or damaged.</exception>
    public async Task<IReadOnlyList<TensorData>> ImportedAsync(StageWork work, string sha256, CancellationToken cancellationToken)
    {
        try
        {
            return await new SnapshotStore(store, work.Run, time).ReadAsync(sha256, cancellationToken);
        }
        catch (InvalidDataException e)
        {
            Suspect(work);
            throw new DamagedInputException(e.Message, e);
        }
    }

    /// <summary>Has the stage's inputs checked before it is taken again here: a take that finds them damaged writes the root twice for
    /// nothing.</summary>
    public void Suspect(StageWork work) => suspects[Key(work.Run, work.Plan)] = true;

    /// <summary>What is wrong with the inputs of a suspected stage; null: nothing, or the stage is not suspected.</summary>
    public async Task<string?> DamageAsync(StageSources sources, CancellationToken cancellationToken)
    {
        var key = Key(sources.Run, sources.Plan);
        if (!suspects.ContainsKey(key))
        {
            return null;
        }

        try
        {
            if (sources.Plan.ImportedSha256 is { } imported)
            {
                await new SnapshotStore(store, sources.Run, time).VerifyAsync(imported, cancellationToken);
            }
            else
            {
                using var loaded = await LoadAsync(sources, cancellationToken);
            }

            suspects.TryRemove(key, out _);
            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    private static string Key(string run, StagePlan plan) => $"{run}/{plan.Id}";

    private async Task<LoadedStage> LoadAsync(StageSources work, CancellationToken cancellationToken)
    {
        var sets = await tokens.GetAsync(work.Recipe, cancellationToken);
        IReadOnlyList<TensorData>? teacher = work.Teacher is { } snapshot
            ? await new SnapshotStore(store, work.Run, time).ReadAsync(snapshot.Sha256, cancellationToken)
            : null;
        IReadOnlyList<TensorData>? final = work.Predecessor is { Current: { } state } before
            ? await new CheckpointReader(store).ReadAsync(
                work.Run,
                work.Plan.Predecessor!.Value,
                state,
                before.Identity,
                cancellationToken: cancellationToken
            )
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
            sets,
            members
        );
    }

    /// <summary>Every member of a teaching ensemble: where one is missing or damaged, the others do not teach alone.</summary>
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
            throw new InvalidDataException(
                $"Member {members.Count + 1} of the {ensemble!.Members.Count} that teach, of run '{ensemble.Run}': {e.Message}",
                e
            );
        }
        catch
        {
            members.ForEach(member => member.Dispose());
            throw;
        }
    }
}
