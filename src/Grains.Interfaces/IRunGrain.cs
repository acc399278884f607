using Orleans.Concurrency;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Grains.Interfaces;

/// <summary>One run, by its name: answers for all its stages. Holds nothing that is not in the store or told anew every second.</summary>
[Alias("slowrun.run")]
public interface IRunGrain : IGrainWithStringKey
{
    /// <summary>How far the run is now; null where the store has no run of this name.</summary>
    [AlwaysInterleave]
    [Alias("GetStatus")]
    Task<RunStatus?> GetStatus();

    /// <summary>A document of the run has changed: read it now, and let free slots look for work.</summary>
    [AlwaysInterleave]
    [Alias("Poke")]
    Task Poke();

    /// <summary>A stage's owner tells how far it is, about once a second.</summary>
    /// <exception cref="InvalidDataException">A document of the run cannot be read; the owner then reads the intent itself.</exception>
    [AlwaysInterleave]
    [Alias("Report")]
    Task<OwnerOrders> Report(StageProgress progress);
}
