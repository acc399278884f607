using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Reading.Live;

/// <summary>The run grains' answers, from within the cluster or over a client's connection.</summary>
public sealed class GrainLiveRuns(IGrainFactory grains) : ILiveRuns
{
    // A whole cluster answers in some milliseconds, with all cores training. A caller gets an answer within a second, from the store if
    // necessary, also while silos die.
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(0.4);
    private static readonly TimeSpan PokeDeadline = TimeSpan.FromSeconds(1);

    public async Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<IRunGrain>(run).GetStatus().WaitAsync(AnswerDeadline, cancellationToken);
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            return null;
        }
    }

    /// <summary>Reports that a document has changed. Slot loops would see it within a second anyway.</summary>
    public async Task PokeAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            await grains.GetGrain<IRunGrain>(run).Poke().WaitAsync(PokeDeadline, cancellationToken);
        }
        catch (Exception e) when (IsTheirs(e, cancellationToken))
        {
            // Best effort.
        }
    }

    /// <summary>A damaged document is reported by the reader of the store instead.</summary>
    private static bool IsTheirs(Exception e, CancellationToken ours) =>
        !ours.IsCancellationRequested
        && e
            is OrleansException
                or TimeoutException
                or OperationCanceledException
                or IOException
                or InvalidDataException
                or InvalidOperationException;
}
