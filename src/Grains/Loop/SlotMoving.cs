using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Loop;

/// <summary>Lets idle slots of this silo join the stages that train here, and leave them when other work waits (<see cref="SlotMoves"/>).
/// For one caller.</summary>
internal sealed class SlotMoving(
    SlotTable slots,
    LocalWork local,
    Fingerprints fingerprints,
    SlotSensors sensors,
    TokenSets tokens,
    TimeProvider time
)
{
    private bool wasWanted;
    private long since = time.GetTimestamp();
    private long? leftAt;

    /// <summary>To be called with each look's facts, after the offers.</summary>
    /// <param name="ready">Work that waits and that this silo could do.</param>
    public async Task MoveAsync(IReadOnlyList<RunFacts> runs, IReadOnlyList<ReadyWork> ready, CancellationToken stop)
    {
        var free = slots.Free;
        if (ready.Count > 0 != wasWanted || (ready.Count == 0 && free.Count == 0))
        {
            (wasWanted, since) = (ready.Count > 0, time.GetTimestamp());
        }

        if (local.Stops)
        {
            return;
        }

        var held = Held(runs).ToDictionary(one => one.Work.Work);
        int? wanted = ready.Count == 0 ? null : ready.Max(work => PriorityOf(runs, work));
        var alone = runs.All(facts => facts.AliveSilos.Count <= 1);
        var sinceLeft = leftAt is { } left ? time.GetElapsedTime(left) : (TimeSpan?)null;
        if (
            SlotMoves.Next([.. held.Values.Select(one => one.Work)], free, wanted, time.GetElapsedTime(since), sinceLeft, alone)
            is not { } move
        )
        {
            return;
        }

        var (work, facts, id, slotsNow) = held[move.Work];
        var joins = move.Slots.Count > work.Slots.Count;
        if (joins && !await CanJoinAsync(facts, id, work, move.Slots, stop))
        {
            return;
        }

        if (slotsNow.Ask(move.Slots) && !joins)
        {
            leftAt = time.GetTimestamp();
        }
    }

    private IEnumerable<(HeldWork Work, RunFacts Facts, StageId Id, HeldSlots Slots)> Held(IReadOnlyList<RunFacts> runs) =>
        from facts in runs
        from stage in facts.Plan.Stages
        let name = WorkName.Train(facts.Spec.Name, stage.Id)
        let held = local.Held(name)
        where held is { Asked: null }
        select (new HeldWork(name, facts.Spec.Operations.Priority, held.IsFull ? 1 : stage.Stage.Lanes, held.Used), facts, stage.Id, held);

    private static int PriorityOf(IReadOnlyList<RunFacts> runs, ReadyWork work) =>
        runs.First(facts => facts.Spec.Name == work.Run).Spec.Operations.Priority;

    /// <summary>Whether the further slots give the same bits, and have the memory that further workers need.</summary>
    private async Task<bool> CanJoinAsync(RunFacts facts, StageId id, HeldWork work, IReadOnlyList<string> wanted, CancellationToken stop)
    {
        var (plan, spec) = (facts.Plan[id], facts.Spec);
        return facts.RootOf(id).Identity is { } identity
            && wanted.Except(work.Slots).All(slot => fingerprints.Has(slot, plan, identity.NumericsFingerprint))
            && sensors.HasRoomFor(plan, (await tokens.GetAsync(spec.Recipe, stop)).Train.Length, work.Slots, wanted);
    }
}
