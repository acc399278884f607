using Orleans.Storage;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Stages;

/// <summary>
/// The root document as the stage grain's persistent state. Orleans' state belongs to the activation's scheduler, so every access runs
/// there, whatever the commit's thread. An activation can end under a runner (its directory entry was on a silo that left): then the same
/// document of the store is written directly, under the same token and write ids.
/// </summary>
/// <param name="deactivated">Ends with the activation.</param>
internal sealed class GrainRootDocument(IPersistentState<StageRoot> state, TaskScheduler activation, Task deactivated, IRootDocument direct)
    : IRootDocument
{
    private volatile bool ending;

    // A write whose end was not awaited; it may still take effect. Used on the activation's scheduler only.
    private Task? givenUp;

    private bool HasEnded => ending || deactivated.IsCompleted;

    /// <summary>The activation is about to end: from now on its state is left alone.</summary>
    public void End() => ending = true;

    public async Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await OnActivationAsync(async () =>
            {
                // Awaited to its end: an abandoned read would, when it ends, replace a root that is to be written with what it read.
                await state.ReadStateAsync(cancellationToken);
                return state.RecordExists ? state.State : null;
            });
        }
        catch (ActivationEndedException)
        {
            return await direct.ReadAsync(cancellationToken);
        }
    }

    public async Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default)
    {
        if (HasEnded)
        {
            await direct.WriteAsync(root, cancellationToken);
            return;
        }

        try
        {
            await OnActivationAsync(async () =>
            {
                if (givenUp is { } earlier)
                {
                    // Its success would have given this write the right etag, and what it wrote would be lost without a conflict.
                    await earlier
                        .WaitAsync(cancellationToken)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
                    cancellationToken.ThrowIfCancellationRequested();
                    givenUp = null;
                    throw new RootConflictException(
                        "An abandoned write of the root has ended: read the root to see whether it took effect."
                    );
                }

                var before = state.State;
                state.State = root;
                var write = state.WriteStateAsync(cancellationToken);
                try
                {
                    // A provider may ignore the token, and a write that hangs would block a leaving owner.
                    await write.WaitAsync(cancellationToken);
                    return true;
                }
                catch (OperationCanceledException) when (write.IsCompletedSuccessfully)
                {
                    return true;
                }
                catch
                {
                    state.State = before;
                    givenUp = write.IsCompleted ? null : write;
                    throw;
                }
            });
        }
        catch (ActivationEndedException e)
        {
            // Perhaps it was written. A conflict makes the commit protocol read again, and judge by token and write id.
            throw new RootConflictException(e.Message, e);
        }
    }

    /// <exception cref="ActivationEndedException">The activation has ended; the operation may have taken effect.</exception>
    private async Task<T> OnActivationAsync<T>(Func<Task<T>> work)
    {
        if (HasEnded)
        {
            throw new ActivationEndedException();
        }

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
            // Orleans wraps the store's exceptions; the commit protocol needs the original.
            throw e.InnerException;
        }
        catch (InvalidOperationException e) when (HasEnded)
        {
            // Orleans has no exception of its own for it. While the activation lives, this exception is a defect, and is reported as one.
            throw new ActivationEndedException(e);
        }
    }
}
