using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training;

namespace Slowrun.Grains.Loop;

/// <summary>Offers this silo's free slots to ready work.</summary>
internal sealed class Offers(
    SlotTable slots,
    Fingerprints fingerprints,
    LocalWork local,
    StageRoom room,
    SlotSensors sensors,
    ReadySince sights,
    TakeRefusals refusals,
    OfferPace pace,
    Offering offering,
    LoopPulse pulse,
    IGrainFactory grains,
    ILocalSiloDetails silo,
    TimeProvider time
)
{
    // In a fleet of several kinds of machines one of the right kind takes it soon; after this time none has.
    private static readonly TimeSpan UntakenAfter = TimeSpan.FromSeconds(15);

    /// <param name="runs">All that this silo knows of.</param>
    /// <returns>Whether there was a free slot and something to offer it to.</returns>
    public async Task<bool> MakeAsync(IReadOnlyList<RunView> runs, CancellationToken stop)
    {
        if (slots.Free.Count == 0 || local.Stops)
        {
            return false;
        }

        foreach (var view in runs)
        {
            await TellRefusalsAsync(view.Facts);
        }

        var views = runs.ToDictionary(view => view.Facts.Spec.Name, StringComparer.Ordinal);
        var work = WorkOrder.Of(
            runs.Select(view => view.Facts),
            (facts, one) => views[facts.Spec.Name].IsHanded(one.Name) && IsForNow(facts, one)
        );
        foreach (var (index, one) in work.Index())
        {
            pulse.Beat();
            var left = one.Kind == WorkKind.Train ? room.Left : null;
            if (left == 0)
            {
                continue;
            }

            // Work that is handed to other silos, or to none yet, waits for slots too.
            var share = views[one.Run].Waiting is { } waiting
                ? SlotShares.Next(slots.Free, waiting - work.Take(index).Count(before => before.Run == one.Run), one.Lanes, left)
                : SlotShares.Next(work, index, slots.Free, left);
            await OfferAsync(one, share, stop);
        }

        return work.Count > 0;
    }

    /// <summary>How many pieces of work it could take now.</summary>
    public int Most => room.Left is > 0 and var stages ? Math.Min(stages, slots.Free.Count) : slots.Free.Count;

    /// <summary>Ready work that this silo leaves alone for now.</summary>
    public IReadOnlyList<string> NotMine(RunFacts facts) =>
        slots.Free.Count == 0 ? [] : [.. WorkOrder.Of([facts]).Where(work => !IsForNow(facts, work)).Select(work => work.Name)];

    /// <summary>The work that this silo could do: had it a free slot, were it not refused a moment ago.</summary>
    public IReadOnlyList<ReadyWork> Ready(IReadOnlyList<RunFacts> runs) =>
        WorkOrder.Of(runs, (facts, work) => IsMine(facts, work) && !local.Has(work.Name) && !sensors.IsTooLarge(work.Name));

    private bool IsForNow(RunFacts facts, ReadyWork work) => !local.Has(work.Name) && pace.IsDue(work.Name) && IsMine(facts, work);

    private bool IsMine(RunFacts facts, ReadyWork work) =>
        work.Kind != WorkKind.Train || (room.Left != 0 && CanTrain(facts, work.Stage!.Value));

    /// <summary>A started stage goes only to slots that give the same bits; an offer of others would be refused, and move its grain for
    /// nothing.</summary>
    private bool CanTrain(RunFacts facts, StageId id) =>
        facts.RootOf(id) is not { Identity: { } identity } root
        || (
            identity.EngineRevision == Engine.Revision
            && (
                facts.Intent.Adoptions.GetValueOrDefault(id.ToString()) > root.Adoptions
                || slots.All.Any(slot => fingerprints.Has(slot, facts.Plan[id], identity.NumericsFingerprint))
            )
        );

    /// <summary>Reports, once and with the difference, a stage that this silo cannot continue and that no other silo takes.</summary>
    private async Task TellRefusalsAsync(RunFacts facts)
    {
        var run = facts.Spec.Name;
        foreach (var id in Readiness.ToTrain(facts).Where(id => !CanTrain(facts, id)))
        {
            if (sights.Since(run, id, facts.RootOf(id).EpochToken) is { } since && time.GetUtcNow() - since >= UntakenAfter)
            {
                var begun = facts.RootOf(id).Identity!;
                var own = slots.All.Select(slot => fingerprints.TryOf(slot, facts.Plan[id])).OfType<string>().ToList();
                if (own.Count == 0)
                {
                    // No slot can train it at all; that is reported when one is offered.
                    continue;
                }

                var offered = begun with
                {
                    EngineRevision = Engine.Revision,
                    NumericsFingerprint = own.Contains(begun.NumericsFingerprint) ? begun.NumericsFingerprint : own[0],
                };
                await refusals.TellOnceAsync(run, id, new StageIdentityException(begun, offered).Message, silo.Name);
            }
        }
    }

    private Task OfferAsync(ReadyWork work, IReadOnlyList<string> share, CancellationToken stop) =>
        share.Count == 0
            ? Task.CompletedTask
            : offering.MakeAsync(
                work.Name,
                share,
                () => TakeAsync(work, new SlotOffer(silo.SiloAddress.ToParsableString(), share, work.EpochToken)),
                stop
            );

    private Task<TakeAnswer> TakeAsync(ReadyWork work, SlotOffer offer) =>
        work.Kind switch
        {
            WorkKind.Score => grains.GetGrain<IMemberGrain>(StageKey.Of(work.Run, work.Stage!.Value)).Score(offer),
            WorkKind.Average => grains.GetGrain<IEnsembleGrain>(work.Run).Mix(offer),
            _ => grains.GetGrain<IStageGrain>(StageKey.Of(work.Run, work.Stage!.Value)).Take(offer),
        };
}
