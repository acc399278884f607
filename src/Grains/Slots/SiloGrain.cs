using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Stages;

namespace Slowrun.Grains.Slots;

/// <summary>Lives on the very silo that it is named after, wherever it was activated first.</summary>
[GrainType("silo")]
internal sealed class SiloGrain(Departure departure, ILocalSiloDetails silo) : Grain, ISiloGrain
{
    public Task<bool> Drain()
    {
        var here = this.GetPrimaryKeyString() == silo.SiloAddress.ToParsableString();
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
}
