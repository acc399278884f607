using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Stages;

/// <summary>
/// One stage: the thin shell that gives a <see cref="StageRunner"/> its root document, its slots and its life. Takes only slots of the silo
/// it lives on; offered others, it moves there.
/// </summary>
[GrainType("stage")]
internal sealed partial class StageGrain(
    [PersistentState("root", "stages")] IPersistentState<StageRoot> root,
    StageTaker taker,
    SlotTable slots,
    LocalWork local,
    OfferPace pace,
    IObjectStore store,
    ProgressPump pump,
    ILocalSiloDetails silo,
    ILogger<StageGrain> log) : Grain, IStageGrain
{
    public async Task<TakeAnswer> Take(SlotOffer offer)
    {
        var (run, id) = StageKey.Parse(this.GetPrimaryKeyString());
        if (offer.Silo != silo.SiloAddress.ToParsableString())
        {
            // A hint does not move an active grain; migrating with the hint does. The offer is made again at once.
            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(offer.Silo));
            MigrateOnIdle();
            return new TakeAnswer(false, "The grain lived on another silo and is moving.", Moving: true);
        }

        if (local.TryBegin(StageKey.LocalOf(run, id)) is not { } begun)
        {
            return new TakeAnswer(false, "This silo trains it, or stops.");
        }

        if (slots.TryReserve(offer.Slots, this.GetPrimaryKeyString()) is not { } reservation)
        {
            begun.Dispose();
            return new TakeAnswer(false, "The slots offered are in use.");
        }

        StageRunner? runner = null;
        try
        {
            var document = new GrainRootDocument(root, TaskScheduler.Current, new RunDocuments(store, run).Root(id));
            var taken = await taker.TakeAsync(run, id, document, offer, silo.Name);
            runner = taken.Runner;
            if (runner is null)
            {
                return new TakeAnswer(false, taken.Reason);
            }
        }
        finally
        {
            if (runner is null)
            {
                reservation.Dispose();
                begun.Dispose();
            }
        }

        // A computing grain looks idle to Orleans, and idle grains are collected.
        DelayDeactivation(Timeout.InfiniteTimeSpan);
        local.Run(begun, runner.Stop, runner.Completion);
        runner.Start();
        pump.Start(runner);
        _ = EndAsync(StageKey.LocalOf(run, id), runner, reservation);
        return new TakeAnswer(true);
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // A stopping silo has stopped its runners before. Else the activation ends because a silo that held its directory entry left: the
        // runner owns the stage by its epoch token, not by its activation, and goes on.
        if (local.Has(StageKey.LocalOf(this.GetPrimaryKeyString())))
        {
            LogDeactivated(log, this.GetPrimaryKeyString(), reason.Description);
        }

        return Task.CompletedTask;
    }

    private async Task EndAsync(string key, StageRunner runner, IDisposable reservation)
    {
        var reason = await runner.Completion;
        reservation.Dispose();
        if (reason == StopReason.Faulted)
        {
            pace.Refused(key);
        }
        else
        {
            pace.Succeeded(key);
            slots.Poke();
        }

        DelayDeactivation(TimeSpan.Zero);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The activation of {Stage} ends while it trains, and it trains on: {Reason}")]
    private static partial void LogDeactivated(ILogger logger, string stage, string reason);
}
