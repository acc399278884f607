using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>Makes one offer, and delays the next one of the same work where it was refused or failed.</summary>
internal sealed partial class Offering(OfferPace pace, LoopPulse pulse, ILocalSiloDetails silo, ILogger<Offering> log)
{
    // The second call waits within Orleans until the grain that the first one moved has ended where it was.
    private const int MostCalls = 2;

    /// <param name="work">See <see cref="WorkName"/>.</param>
    /// <param name="take">Calls the grain.</param>
    public async Task MakeAsync(string work, IReadOnlyList<string> share, Func<Task<TakeAnswer>> take, CancellationToken stop)
    {
        for (var calls = 0; calls < MostCalls && !stop.IsCancellationRequested; calls++)
        {
            pulse.Beat();
            try
            {
                RequestContext.Set(IPlacementDirector.PlacementHintKey, silo.SiloAddress);
                var answer = await take();
                LogOffered(log, work, string.Join(' ', share), answer.Taken, answer.Reason);
                if (!answer.Moving)
                {
                    if (!answer.Taken)
                    {
                        pace.Refused(work);
                    }

                    return;
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A failure of one stage must not delay the others.
                pace.Refused(work);
                LogOfferFailed(log, work, e.Message, e);
                return;
            }
            finally
            {
                RequestContext.Remove(IPlacementDirector.PlacementHintKey);
            }
        }

        // It did not come here: another silo has moved it away meanwhile.
        pace.Refused(work);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "To '{Work}' were offered {Slots}: taken {Taken}. {Reason}")]
    private static partial void LogOffered(ILogger logger, string work, string slots, bool taken, string? reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "To '{Work}' no slot could be offered: {Reason}")]
    private static partial void LogOfferFailed(ILogger logger, string work, string reason, Exception exception);
}
