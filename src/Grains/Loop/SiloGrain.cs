using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Notices;
using Slowrun.Grains.Placement;
using Slowrun.Grains.Slots;
using Slowrun.Training;

namespace Slowrun.Grains.Loop;

/// <summary>Lives on the silo of its key. Where a silo that does not see that one activates it elsewhere, it ends.</summary>
[GrainType(NamedSiloDirector.KeyedBySilo)]
internal sealed class SiloGrain(
    SiloDrain drain,
    StoreTroubles troubles,
    Wakes wakes,
    NoticeOutbox notices,
    SlotTable slots,
    SlotSensors sensors,
    ProcessorSensor processors,
    ILocalSiloDetails silo
) : Grain, ISiloGrain
{
    private bool IsHere => this.GetPrimaryKeyString() == silo.SiloAddress.ToParsableString();

    public Task<bool> Drain()
    {
        var here = IsHere;
        if (here)
        {
            // Behind: commits may take minutes, and no call waits so long.
            _ = Task.Run(() =>
                drain.LeaveAsync(StopReason.Requested, EventKind.SiloDrained, "it was asked to leave ('slowrun drain').", deadline: null)
            );
        }
        else
        {
            DeactivateOnIdle();
        }

        return Task.FromResult(here);
    }

    public Task Wake(int among)
    {
        if (IsHere)
        {
            wakes.Wake(among);
        }
        else
        {
            DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }

    public Task<bool> Notify(string run, string notice, string receiver)
    {
        if (IsHere)
        {
            return notices.TakeOverAsync(run, notice, receiver);
        }

        DeactivateOnIdle();
        return Task.FromResult(false);
    }

    public Task<SiloReport?> Report()
    {
        if (!IsHere)
        {
            DeactivateOnIdle();
            return Task.FromResult<SiloReport?>(null);
        }

        return Task.FromResult<SiloReport?>(
            new SiloReport(this.GetPrimaryKeyString(), silo.Name, Engine.Revision, troubles.Now)
            {
                Devices = sensors.Use(slots.All),
                Processors = processors.Now,
            }
        );
    }
}
