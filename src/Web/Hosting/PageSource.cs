using Slowrun.Reading.Live;
using Slowrun.Storage;

namespace Slowrun.Web.Hosting;

/// <summary>What the page and the API show.</summary>
/// <param name="Live">How silos are reached.</param>
/// <param name="Time">The clock of the store's documents.</param>
public sealed record PageSource(IObjectStore Store, ILiveRuns Live, TimeProvider Time)
{
    /// <summary>Between two reads of a run that a client follows.</summary>
    public TimeSpan FollowEvery { get; init; } = TimeSpan.FromSeconds(1);
}
