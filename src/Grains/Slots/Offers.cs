using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Training;

namespace Slowrun.Grains.Slots;

/// <summary>Offers this silo's free slots to a run's ready work.</summary>
internal sealed class Offers(
    SlotTable slots,
    Fingerprints fingerprints,
    LocalWork local,
    SlotSensors sensors,
    ReadySights sights,
    TakeRefusals refusals,
    OfferPace pace,
    Offering offering,
    IGrainFactory grains,
    ILocalSiloDetails silo,
    TimeProvider time)
{
    // In a fleet of several kinds of machines one of the right kind comes and takes it; after so long nobody has.
    private static readonly TimeSpan UntakenAfter = TimeSpan.FromSeconds(15);

    /// <summary>Judging first: it takes a thousandth of a stage's time, shows what came out, and leaves the slots together for what is next.</summary>
    /// <returns>Whether there was a free slot and something to offer it to.</returns>
    public async Task<bool> MakeAsync(RunFacts facts, CancellationToken stop)
    {
        if (slots.Free.Count == 0 || local.Stops)
        {
            return false;
        }

        await TellRefusalsAsync(facts);
        var work = Ready(facts).Where(one => !local.Has(one.Name) && pace.IsDue(one.Name)).ToList();
        foreach (var (index, one) in work.Index())
        {
            await OfferAsync(one, SlotShares.Next(slots.Free, work.Count - index, one.Lanes), stop);
        }

        return work.Count > 0;
    }

    /// <summary>Whether the run has work that this silo could do: had it a free slot, were it not refused a moment ago.</summary>
    public bool HasReady(RunFacts facts) => Ready(facts).Any(work => !sensors.IsTooLarge(work.Name));

    private IEnumerable<Work> Ready(RunFacts facts)
    {
        var run = facts.Spec.Name;
        foreach (var id in Readiness.ToScore(facts))
        {
            yield return new Work(WorkName.Score(run, id), 1, grains.GetGrain<IMemberGrain>(StageKey.Of(run, id)).Score);
        }

        if (Readiness.EnsembleDue(facts) is not null)
        {
            yield return new Work(WorkName.Mix(run), 1, grains.GetGrain<IEnsembleGrain>(run).Mix);
        }

        foreach (var id in Readiness.ToTrain(facts).Where(id => CanTrain(facts, id)))
        {
            yield return new Work(
                WorkName.Train(run, id),
                facts.Plan[id].Stage.Lanes,
                grains.GetGrain<IStageGrain>(StageKey.Of(run, id)).Take,
                facts.RootOf(id).EpochToken);
        }
    }

    /// <summary>A started stage goes only to slots that give the same bits: offering others would only move its grain about.</summary>
    private bool CanTrain(RunFacts facts, StageId id) => facts.RootOf(id) is not { Identity: { } identity } root
        || (identity.EngineRevision == Engine.Revision
            && (facts.Intent.Adoptions.GetValueOrDefault(id.ToString()) > root.Adoptions || slots.All.Any(slot => fingerprints.Has(slot, facts.Plan[id], identity.NumericsFingerprint))));

    /// <summary>A stage that this silo leaves alone for what it was begun with, and nobody takes: said once, with the difference.</summary>
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
                    // No slot can train it at all, which is said where one is offered.
                    continue;
                }

                var offered = begun with { EngineRevision = Engine.Revision, NumericsFingerprint = own.Contains(begun.NumericsFingerprint) ? begun.NumericsFingerprint : own[0] };
                await refusals.TellOnceAsync(run, id, new StageIdentityException(begun, offered).Message, silo.Name);
            }
        }
    }

    private Task OfferAsync(Work work, IReadOnlyList<string> share, CancellationToken stop) => share.Count == 0
        ? Task.CompletedTask
        : offering.MakeAsync(work.Name, share, () => work.Take(new SlotOffer(silo.SiloAddress.ToParsableString(), share, work.EpochToken)), stop);

    private sealed record Work(string Name, int Lanes, Func<SlotOffer, Task<TakeAnswer>> Take, long? EpochToken = null);
}
