using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Members;

/// <summary>
/// Judging on the slots of the silo that a grain lives on. The result is created if absent, so that scoring twice does no harm, and it
/// needs no owner.
/// </summary>
internal abstract partial class ScoringGrain(SiloSlots slots, ILogger log) : Grain
{
    private int underWay;

    /// <param name="work">See <see cref="WorkName"/>.</param>
    /// <param name="score">Returns whether it made a result: work whose result existed, or was not due, is offered again ever
    /// later.</param>
    /// <param name="failed">Reports the failure. Does not throw.</param>
    protected TakeAnswer Start(SlotOffer offer, string work, Func<CancellationToken, Task<bool>> score, Func<Exception, Task> failed)
    {
        var answer = slots.Ask(offer, work, MigrateOnIdle, out var admitted);
        if (admitted is not null)
        {
            underWay++;
            DelayDeactivation(Timeout.InfiniteTimeSpan);
            var stop = new CancellationTokenSource();
            admitted.Run((_, _) => stop.Cancel(), RunAsync(work, score, failed, admitted, stop.Token));
        }
        else if (underWay == 0 && !answer.Moving)
        {
            // Left behind, it would have to move for the next offer of another silo.
            DeactivateOnIdle();
        }

        return answer;
    }

    private async Task RunAsync(
        string work,
        Func<CancellationToken, Task<bool>> score,
        Func<Exception, Task> failed,
        Admitted admitted,
        CancellationToken stop
    )
    {
        bool? made = false;
        try
        {
            made = await score(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The silo stops; another one scores.
            made = null;
        }
        catch (Exception e)
        {
            LogFailed(log, work, e.Message, e);
            await failed(e);
        }
        finally
        {
            admitted.Ended(made);
            // Without work it would have to move for the next offer of another silo, or stay in memory of a run that does not exist.
            underWay--;
            DeactivateOnIdle();
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "'{Work}' failed and is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string work, string reason, Exception exception);
}
