using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;

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
    ProgressPump pump,
    ILocalSiloDetails silo,
    ILogger<StageGrain> log) : Grain, IStageGrain
{
    private StageRunner? runner;

    public async Task<TakeAnswer> Take(SlotOffer offer)
    {
        var (run, id) = StageKey.Parse(this.GetPrimaryKeyString());
        if (runner is not null)
        {
            return new TakeAnswer(false, "It is being trained by this activation.");
        }

        if (offer.Silo != silo.SiloAddress.ToParsableString())
        {
            // A hint does not move an active grain; migrating with the hint does. The offer is made again a second later.
            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(offer.Silo));
            MigrateOnIdle();
            return new TakeAnswer(false, "The grain lived on another silo and is moving.");
        }

        if (slots.TryReserve(offer.Slots, this.GetPrimaryKeyString()) is not { } reservation)
        {
            return new TakeAnswer(false, "The slots offered are in use.");
        }

        try
        {
            var document = new GrainRootDocument(root, TaskScheduler.Current);
            var taken = await taker.TakeAsync(run, id, document, offer, silo.Name);
            if (taken.Runner is null)
            {
                reservation.Dispose();
                return new TakeAnswer(false, taken.Reason);
            }

            runner = taken.Runner;
        }
        catch
        {
            reservation.Dispose();
            throw;
        }

        // A computing grain looks idle to Orleans, and idle grains are collected.
        DelayDeactivation(Timeout.InfiniteTimeSpan);
        local.Add(LocalKey(run, id), runner.Stop, runner.Completion);
        runner.Start();
        pump.Start(runner);
        _ = EndAsync(runner, reservation);
        return new TakeAnswer(true);
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (runner is { } running)
        {
            LogDeactivated(log, this.GetPrimaryKeyString(), reason.Description);
            running.Stop(StopReason.Requested);
            await running.Completion.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The stage's name among this silo's local work.</summary>
    internal static string LocalKey(string run, StageId id) => $"train {StageKey.Of(run, id)}";

    private async Task EndAsync(StageRunner ended, IDisposable reservation)
    {
        await ended.Completion;
        runner = null;
        ended.Dispose();
        reservation.Dispose();
        DelayDeactivation(TimeSpan.Zero);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The activation of {Stage} ends while it trains: {Reason}")]
    private static partial void LogDeactivated(ILogger logger, string stage, string reason);
}
