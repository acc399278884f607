using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Members;

/// <summary>One finished stage as a member: scores its snapshot on a slot of the silo it lives on. Doing it twice would harm nothing.</summary>
[GrainType("member")]
internal sealed partial class MemberGrain(MemberScoring scoring, SlotTable slots, LocalWork local, OfferPace pace, ILocalSiloDetails silo, ILogger<MemberGrain> log)
    : Grain, IMemberGrain
{
    /// <summary>A scoring's name among this silo's work.</summary>
    public static string LocalOf(string run, StageId stage) => $"score {StageKey.Of(run, stage)}";

    public Task<TakeAnswer> Score(SlotOffer offer)
    {
        var (run, id) = StageKey.Parse(this.GetPrimaryKeyString());
        if (offer.Silo != silo.SiloAddress.ToParsableString())
        {
            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(offer.Silo));
            MigrateOnIdle();
            return Task.FromResult(new TakeAnswer(false, "The grain lived on another silo and is moving.", Moving: true));
        }

        if (local.TryBegin(LocalOf(run, id)) is not { } begun)
        {
            return Task.FromResult(new TakeAnswer(false, "This silo scores it, or stops."));
        }

        if (slots.TryReserve(offer.Slots, this.GetPrimaryKeyString()) is not { } reservation)
        {
            begun.Dispose();
            return Task.FromResult(new TakeAnswer(false, "The slots offered are in use."));
        }

        DelayDeactivation(Timeout.InfiniteTimeSpan);
        var stop = new CancellationTokenSource();
        local.Run(begun, _ => stop.Cancel(), ScoreAsync(run, id, offer, reservation, stop.Token));
        return Task.FromResult(new TakeAnswer(true));
    }

    private async Task ScoreAsync(string run, StageId id, SlotOffer offer, IDisposable reservation, CancellationToken stop)
    {
        try
        {
            await scoring.ScoreAsync(run, id, offer.Slots, stop);
            pace.Succeeded(LocalOf(run, id));
            slots.Poke();
        }
        catch (OperationCanceledException)
        {
            // The silo stops; another one scores.
        }
        catch (Exception e)
        {
            pace.Refused(LocalOf(run, id));
            LogFailed(log, $"{run}/{id}", e.Message, e);
            await scoring.TellFailureAsync(run, id, e);
        }
        finally
        {
            reservation.Dispose();
            DelayDeactivation(TimeSpan.Zero);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Member} could not be scored and is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string member, string reason, Exception exception);
}
