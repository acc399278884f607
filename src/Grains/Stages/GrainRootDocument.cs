using Orleans.Storage;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Stages;

/// <summary>
/// The root document as the stage grain's persistent state. Orleans' state belongs to the activation's scheduler, so every access hops
/// onto it, from whatever thread a commit comes. An activation can end under a runner (its directory entry was on a silo that left): then
/// the same document of the store is written directly, under the same token and write ids.
/// </summary>
internal sealed class GrainRootDocument(IPersistentState<StageRoot> state, TaskScheduler activation, IRootDocument direct) : IRootDocument
{
    private volatile bool activationEnded;

    public Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default) => activationEnded
        ? direct.ReadAsync(cancellationToken)
        : OnActivation(async () =>
        {
            // Waited for to its end: one that was given up would, when it ends, put what it read in the place of a root that is to be written.
            await state.ReadStateAsync(cancellationToken);
            return state.RecordExists ? state.State : null;
        });

    public Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default) => activationEnded
        ? direct.WriteAsync(root, cancellationToken)
        : OnActivation(async () =>
        {
            var before = state.State;
            state.State = root;
            try
            {
                // A provider need not heed the token, and a write that hangs would hold a leaving owner to the end. One that was given up may still take effect:
                // the commit protocol knows it by its write id.
                await state.WriteStateAsync(cancellationToken).WaitAsync(cancellationToken);
                return true;
            }
            catch
            {
                state.State = before;
                throw;
            }
        });

    private async Task<T> OnActivation<T>(Func<Task<T>> work)
    {
        try
        {
            return await Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.None, activation).Unwrap();
        }
        catch (InconsistentStateException e)
        {
            throw new RootConflictException($"The root document was replaced by another writer: {e.Message}", e);
        }
        catch (OrleansException e) when (e.InnerException is IOException or InvalidDataException)
        {
            // Orleans wraps what a store throws; the commit protocol wants to know the store's own words.
            throw e.InnerException;
        }
        catch (InvalidOperationException e)
        {
            // The activation has ended. A conflict makes the commit protocol read again, and judge by token and write id.
            activationEnded = true;
            throw new RootConflictException("The activation that held the root document has ended.", e);
        }
    }
}
