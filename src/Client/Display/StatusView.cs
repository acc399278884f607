using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Costs;

namespace Slowrun.Client.Display;

/// <summary>The input of a status screen.</summary>
/// <param name="Silos">The silos that serve the store now; null: not known, and not shown.</param>
/// <param name="Plan">For an estimate of the run's end; null: none is shown.</param>
internal sealed record StatusView(RunStatus Status, DateTimeOffset Now, IReadOnlyList<LiveSilo>? Silos = null, RunPlan? Plan = null)
{
    /// <summary>Characters in a line.</summary>
    public required int Width { get; init; }

    /// <summary>Lines that fit; null: as many as it takes.</summary>
    public int? Height { get; init; }

    public bool Unicode { get; init; } = true;

    /// <summary>Every stage with every column, however many lines that needs.</summary>
    public bool Wide { get; init; }

    /// <summary>Null: it is not shown.</summary>
    public RunCost? Cost { get; init; }

    /// <summary>What silos report of themselves; those that did not answer are not among them.</summary>
    public IReadOnlyList<SiloReport> Reports { get; init; } = [];

    public TimeSpan? Eta => Plan is null ? null : Core.Status.Eta.Of(Status, Plan);
}
