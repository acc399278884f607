using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>What a status screen is made of.</summary>
/// <param name="Silos">Who serves the store now; null: not known, and not shown.</param>
/// <param name="Plan">For a guess at the run's end; null: none is made.</param>
internal sealed record StatusView(RunStatus Status, DateTimeOffset Now, IReadOnlyList<LiveSilo>? Silos = null, RunPlan? Plan = null)
{
    /// <summary>Characters in a line.</summary>
    public required int Width { get; init; }

    /// <summary>Lines that fit; null: as many as it takes.</summary>
    public int? Height { get; init; }

    public bool Unicode { get; init; } = true;

    /// <summary>Every stage with every column, whatever that takes.</summary>
    public bool Wide { get; init; }

    public TimeSpan? Eta => Plan is null ? null : Core.Status.Eta.Of(Status, Plan);
}
