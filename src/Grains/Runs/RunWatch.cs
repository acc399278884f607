using Slowrun.Core.Plan;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Runs;

/// <summary>Facts of a run as this silo sees them: documents from the store, the living from Orleans' membership.</summary>
internal sealed class RunWatch(RunFactsReader reader, IClusterMembershipService membership)
{
    /// <returns>Null where there is no run of that name.</returns>
    public async Task<RunFacts?> ReadAsync(string run, CancellationToken cancellationToken = default) =>
        await reader.ReadAsync(run, AliveSilos(), cancellationToken);

    public IReadOnlySet<string> AliveSilos() => membership.CurrentSnapshot.Members.Values
        // One that is leaving still commits and releases its stages.
        .Where(member => member.Status is SiloStatus.Active or SiloStatus.Joining or SiloStatus.ShuttingDown or SiloStatus.Stopping)
        .Select(member => member.SiloAddress.ToParsableString())
        .ToHashSet(StringComparer.Ordinal);
}
