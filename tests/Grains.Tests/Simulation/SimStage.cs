using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests.Simulation;

/// <summary>
/// A stage's grain: one activation, one call at a time, placed where the first offer hints, moved by an offer of another silo. It takes as
/// many store operations as a take does, and decides by the root.
/// </summary>
internal sealed class SimStage(SimFleet fleet, StageId id)
{
    // What a take reads besides the root: spec, its operations, when it was submitted, intent, data's manifest, a teacher's root.
    private const int Reads = 6;

    private SimSilo? home;
    private Task turn = Task.CompletedTask;

    public async Task<TakeAnswer> TakeAsync(SimSilo silo, SlotOffer offer)
    {
        var before = turn;
        var ended = new TaskCompletionSource();
        turn = ended.Task;
        await fleet.HopAsync();
        await before;
        try
        {
            return await TakeInTurnAsync(silo, offer);
        }
        finally
        {
            ended.SetResult();
        }
    }

    private async Task<TakeAnswer> TakeInTurnAsync(SimSilo silo, SlotOffer offer)
    {
        if (home is null || !home.IsAlive)
        {
            home = silo;
        }

        if (home != silo)
        {
            var refused = home.Local.Has(WorkName.Train(SimFleet.Run, id));
            home = refused ? home : silo;
            await fleet.HopAsync();
            return new TakeAnswer(false, "It lives elsewhere.", Moving: !refused);
        }

        if (
            silo.Local.TryBegin(WorkName.Train(SimFleet.Run, id)) is not { } begun
            || silo.Slots.TryReserve(offer.Slots) is not { } reservation
        )
        {
            return new TakeAnswer(false, "In use.");
        }

        IObjectStore store = fleet.Store;
        var document = new RunDocuments(store, SimFleet.Run).Root(id);
        for (var read = 0; read < Reads; read++)
        {
            await store.TryReadAsync(RunPaths.Spec(SimFleet.Run));
        }

        var root = await document.ReadAsync() ?? new StageRoot();
        if (
            root.EpochToken != offer.EpochToken
            || (root.Owner is { } owner && fleet.Membership.IsAlive(SiloAddress.FromParsableString(owner.Silo)))
            || !silo.IsAlive
        )
        {
            begun.Dispose();
            reservation.Dispose();
            return new TakeAnswer(false, "It has another owner.");
        }

        var taken = root with
        {
            EpochToken = root.EpochToken + 1,
            Revision = root.Revision + 1,
            WriteId = $"{id} {root.EpochToken + 1}",
            Steps = 1_000_000,
            WrittenAt = fleet.Time.GetUtcNow(),
            Owner = new StageOwner(silo.Address, silo.Address, offer.Slots, fleet.Time.GetUtcNow()),
        };
        try
        {
            await document.WriteAsync(taken);
        }
        catch (RootConflictException)
        {
            begun.Dispose();
            reservation.Dispose();
            return new TakeAnswer(false, "Another was faster.");
        }

        fleet.Taken(id, silo);
        await store.WriteAsync(RunPaths.RootCopy(SimFleet.Run, id), "{}"u8.ToArray());
        await store.WriteAsync(
            $"{RunPaths.Run(SimFleet.Run)}events/{id.ToString().Replace('/', '-')}-{taken.EpochToken}",
            "{}"u8.ToArray()
        );
        silo.Own(id, taken);
        return new TakeAnswer(true);
    }
}
