using Slowrun.Clustering.Membership;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Reading.Live;

/// <summary>What only living silos know. The host of the page provides the connection; where no silo answers, the store is read.</summary>
public interface ILiveRuns
{
    /// <returns>Null where no silo answered in about a second, or none knows the run.</returns>
    Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken);

    /// <summary>What silos report of themselves; those that do not answer at once are left out.</summary>
    /// <param name="silos">That serve the store.</param>
    Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken);

    /// <summary>Reports that a document of the run has changed; best effort.</summary>
    Task PokeAsync(string run, CancellationToken cancellationToken);
}
