using Slowrun.Clustering.Membership;
using Slowrun.Core.Status;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Live;

namespace Slowrun.Silo.Http;

/// <summary>The run grains' answers while this silo is in its cluster: the web server starts before it joins and stops after it has
/// left, and then the store answers.</summary>
internal sealed class LiveWhileServing(IGrainFactory grains, SiloHealth health) : ILiveRuns
{
    private readonly GrainLiveRuns inner = new(grains);

    public Task<RunStatus?> TryStatusAsync(string run, CancellationToken cancellationToken) =>
        health.IsInCluster ? inner.TryStatusAsync(run, cancellationToken) : Task.FromResult<RunStatus?>(null);

    public Task<IReadOnlyList<SiloReport>> ReportsAsync(IReadOnlyList<LiveSilo> silos, CancellationToken cancellationToken) =>
        health.IsInCluster ? inner.ReportsAsync(silos, cancellationToken) : Task.FromResult<IReadOnlyList<SiloReport>>([]);

    public Task PokeAsync(string run, CancellationToken cancellationToken) =>
        health.IsInCluster ? inner.PokeAsync(run, cancellationToken) : Task.CompletedTask;
}
