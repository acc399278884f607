using Orleans.Concurrency;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Grains.Interfaces;

/// <summary>One run, by its name: answers for all its stages, reads the store for all silos, and hands out what is ready. All its state is
/// in the store, or reported again every second.</summary>
[Alias("slowrun.run")]
public interface IRunGrain : IGrainWithStringKey
{
    /// <summary>The run's status; null where the store has no run of this name.</summary>
    [AlwaysInterleave]
    [Alias("GetStatus")]
    Task<RunStatus?> GetStatus();

    /// <summary>A document of the run has changed: read it now, and let free slots look for work.</summary>
    [AlwaysInterleave]
    [Alias("Poke")]
    Task Poke();

    /// <summary>The owner of a stage reports its progress, about once a second.</summary>
    /// <exception cref="InvalidDataException">A document of the run cannot be read; the owner then reads the intent itself.</exception>
    [AlwaysInterleave]
    [Alias("Report")]
    Task<OwnerOrders> Report(StageProgress progress);

    /// <summary>A silo's slot loop looks for work. Costs the store nothing while nothing has changed.</summary>
    /// <returns>Null where the store has no run of this name.</returns>
    /// <exception cref="InvalidDataException">The run cannot be read.</exception>
    /// <exception cref="IOException">The store cannot be read from there: read it from here.</exception>
    [AlwaysInterleave]
    [Alias("Look")]
    Task<RunNews?> Look(RunQuestion question);
}
