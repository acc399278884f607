using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Members;

/// <summary>One finished stage as a member: scores its snapshot on a slot of the silo it lives on. Doing it twice would harm nothing.</summary>
[GrainType("member")]
internal sealed partial class MemberGrain(MemberScoring scoring, SlotTable slots, LocalWork local, ILocalSiloDetails silo, ILogger<MemberGrain> log)
    : Grain, IMemberGrain
{
    private bool busy;

    public Task<TakeAnswer> Score(SlotOffer offer)
    {
        var (run, id) = StageKey.Parse(this.GetPrimaryKeyString());
        if (busy)
        {
            return Task.FromResult(new TakeAnswer(false, "It is being scored."));
        }

        if (offer.Silo != silo.SiloAddress.ToParsableString())
        {
            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(offer.Silo));
            MigrateOnIdle();
            return Task.FromResult(new TakeAnswer(false, "The grain lived on another silo and is moving."));
        }

        if (slots.TryReserve(offer.Slots, this.GetPrimaryKeyString()) is not { } reservation)
        {
            return Task.FromResult(new TakeAnswer(false, "The slots offered are in use."));
        }

        busy = true;
        DelayDeactivation(Timeout.InfiniteTimeSpan);
        _ = ScoreAsync(run, id, offer, reservation);
        return Task.FromResult(new TakeAnswer(true));
    }

    private async Task ScoreAsync(string run, StageId id, SlotOffer offer, IDisposable reservation)
    {
        try
        {
            using var stop = new CancellationTokenSource();
            var work = scoring.ScoreAsync(run, id, offer.Slots, stop.Token);
            local.Add($"score {StageKey.Of(run, id)}", _ => stop.Cancel(), work.ContinueWith(_ => { }, TaskScheduler.Default));
            await work;
        }
        catch (OperationCanceledException)
        {
            // The silo stops; another one scores.
        }
        catch (Exception e)
        {
            LogFailed(log, $"{run}/{id}", e.Message, e);
        }
        finally
        {
            busy = false;
            reservation.Dispose();
            DelayDeactivation(TimeSpan.Zero);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Member} could not be scored and is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string member, string reason, Exception exception);
}
