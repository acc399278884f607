using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Stages;
using Slowrun.Training;

namespace Slowrun.Grains.Slots;

/// <summary>Lives on the very silo that it is named after, wherever it was activated first.</summary>
[GrainType("silo")]
internal sealed class SiloGrain(Departure departure, SlotTable slots, Fingerprints fingerprints, LoopPulse pulse, StoreTroubles troubles, ILocalSiloDetails silo) : Grain, ISiloGrain
{
    private bool IsHere => this.GetPrimaryKeyString() == silo.SiloAddress.ToParsableString();

    public Task<bool> Drain()
    {
        var here = IsHere;
        if (here)
        {
            // Behind: commits may take minutes, and no call waits so long.
            _ = Task.Run(() => departure.LeaveAsync(StopReason.Requested, "silo-drained", "it was asked to leave ('slowrun drain').", deadline: null));
        }
        else
        {
            DeactivateOnIdle();
        }

        return Task.FromResult(here);
    }

    public Task<SiloReport?> Report()
    {
        if (!IsHere)
        {
            DeactivateOnIdle();
            return Task.FromResult<SiloReport?>(null);
        }

        // Once the slot loop has measured them; a CUDA device's depends on the stage as well, so that it says nothing by itself.
        var measured = pulse.Silence is null ? [] : slots.All.Where(slot => slot.StartsWith("cpu", StringComparison.Ordinal));
        return Task.FromResult<SiloReport?>(new SiloReport(
            this.GetPrimaryKeyString(), silo.Name, Engine.Revision, measured.ToDictionary(slot => slot, fingerprints.Of), troubles.Now));
    }
}
