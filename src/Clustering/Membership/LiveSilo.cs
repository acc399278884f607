using Slowrun.Core.Explain;

namespace Slowrun.Clustering.Membership;

/// <summary>A silo that serves the store, as far as the membership document can tell.</summary>
/// <param name="Silo">As <c>SiloAddress.ToParsableString</c> writes it; the name of an owner in roots.</param>
/// <param name="Active">Takes calls; otherwise it is joining or leaving.</param>
/// <param name="ProcessId">Where it runs on this machine; else null.</param>
/// <param name="LastSign">Its last heartbeat, by its own clock.</param>
public sealed record LiveSilo(string Silo, string Name, bool Active, int? ProcessId, DateTimeOffset LastSign)
{
    /// <summary>What it can train on, one stage each, whether or not it does now; empty: not known.</summary>
    public IReadOnlyList<string> Slots { get; init; } = [];

    /// <summary>Memory of those slots of which it is known.</summary>
    public IReadOnlyList<SlotMemory> Memory { get; init; } = [];
}
