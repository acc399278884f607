using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Slots;

/// <summary>
/// A take whose answer was lost, or an end that could not be written, leaves this silo as an owner that trains nothing: it lets go of such
/// stages, for whoever comes first.
/// </summary>
internal sealed partial class OrphanRelease(IObjectStore store, LocalWork local, ILocalSiloDetails silo, TimeProvider time, ILogger<OrphanRelease> log)
{
    /// <returns>The facts after the release.</returns>
    /// <exception cref="Storage.Checkpoints.RootConflictException">Somebody else wrote a root at that moment.</exception>
    public async Task<RunFacts> FromAsync(RunFacts facts, CancellationToken stop)
    {
        var me = silo.SiloAddress.ToParsableString();
        var released = new Dictionary<StageId, StageRoot>(facts.Roots);
        foreach (var (id, root) in facts.Roots.Where(pair => pair.Value.Owner?.Silo == me && !local.Has(WorkName.Train(facts.Spec.Name, pair.Key))))
        {
            var document = new RunDocuments(store, facts.Spec.Name).Root(id);
            if (await document.ReadAsync(stop) is { } now && now.EpochToken == root.EpochToken && now.Owner?.Silo == me)
            {
                released[id] = now with { Owner = null, ReleasedFor = ReleaseCause.Left, WriteId = Guid.NewGuid().ToString("N"), Revision = now.Revision + 1, WrittenAt = time.GetUtcNow() };
                await document.WriteAsync(released[id], stop);
                LogOrphan(log, StageKey.Of(facts.Spec.Name, id));
            }
        }

        return facts with { Roots = released };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} had this silo as its owner although nothing of it runs here; it was released.")]
    private static partial void LogOrphan(ILogger logger, string stage);
}
