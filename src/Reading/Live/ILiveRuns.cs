using Slowrun.Core.Status;

namespace Slowrun.Reading.Live;

/// <summary>What only living silos know. The host of the page provides the connection; where no silo answers, the store is read.</summary>
public interface ILiveRuns
{
    /// <returns>Null where no silo answered in about a second, or none knows the run.</returns>
    Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken);

    /// <summary>Reports that a document of the run has changed; best effort.</summary>
    Task PokeAsync(string run, CancellationToken cancellationToken);
}
