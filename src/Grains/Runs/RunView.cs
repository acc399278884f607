using Slowrun.Core.Plan;

namespace Slowrun.Grains.Runs;

/// <summary>A run as a silo's slot loop sees it at one look.</summary>
/// <param name="Handed">The ready work that this silo may offer its slots to; null: all, since no run grain hands out work.</param>
/// <param name="Waiting">How much ready work waits for slots, as far as that is known; null: all that is ready.</param>
internal sealed record RunView(RunFacts Facts, IReadOnlySet<string>? Handed = null, int? Waiting = null)
{
    /// <summary>Whether these are older facts, since the run grain did not answer.</summary>
    public bool IsOld { get; init; }

    public bool IsHanded(string work) => Handed?.Contains(work) != false;
}
