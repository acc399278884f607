using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Members;

/// <summary>Averages the members' stored p(target): one pass over the vectors, no model.</summary>
internal sealed class EnsembleMixer(RunDocuments documents)
{
    /// <summary>Mixes the members and keeps the result, created if absent: several silos may do it at once.</summary>
    public async Task MixAsync(RunFacts facts, IReadOnlyList<StageId> members, CancellationToken cancellationToken)
    {
    }
}
