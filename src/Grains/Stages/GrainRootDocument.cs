using Orleans.Storage;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Stages;

/// <summary>
/// The root document as the stage grain's persistent state. Orleans' state belongs to the activation's scheduler, so every access hops
/// onto it, from whatever thread a commit comes.
/// </summary>
internal sealed class GrainRootDocument(IPersistentState<StageRoot> state, TaskScheduler activation) : IRootDocument
{
    public Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default) => OnActivation(async () =>
    {
        await state.ReadStateAsync(cancellationToken);
        return state.RecordExists ? state.State : null;
    });

    public Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default) => OnActivation(async () =>
    {
        var before = state.State;
        state.State = root;
        try
        {
            await state.WriteStateAsync(cancellationToken);
            return true;
        }
        catch (InconsistentStateException e)
        {
            state.State = before;
            throw new RootConflictException($"The root document was replaced by another writer: {e.Message}", e);
        }
        catch
        {
            state.State = before;
            throw;
        }
    });

    private Task<T> OnActivation<T>(Func<Task<T>> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.None, activation).Unwrap();
}
