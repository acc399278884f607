using Slowrun.Clustering.Membership;

namespace Slowrun.Grains.Slots;

/// <summary>What this silo knows of work that would be lost with a silo: its own, and that of others as its slot loop saw it last. Safe to
/// use from any thread.</summary>
internal sealed class FleetWork(SlotTable slots) : IWorkload
{
    private volatile bool elsewhere;

    public bool IsUnderWay => slots.IsUnderWay;

    public bool IsUnderWayElsewhere
    {
        get => elsewhere;
        set => elsewhere = value;
    }
}
