using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Silo.Commands;

/// <summary>A run's plan and its finished stages' weights, for jobs.</summary>
internal sealed class JobInputs
{
    private readonly RunDocuments documents;
    private readonly SnapshotStore snapshots;

    private JobInputs(IObjectStore store, string run, RunPlan plan)
    {
        documents = new RunDocuments(store, run);
        snapshots = new SnapshotStore(store, run, TimeProvider.System);
        Plan = plan;
    }

    public RunPlan Plan { get; }

    /// <exception cref="InvalidDataException">There is no such run.</exception>
    public static async Task<JobInputs> OpenAsync(IObjectStore store, string run, CancellationToken stop)
    {
        var spec =
            await new RunDocuments(store, run).TryReadSpecAsync(stop)
            ?? throw new InvalidDataException($"There is no run '{run}' in '{store.Address}'.");
        return new JobInputs(store, run, new RunPlan(spec.Recipe));
    }

    /// <summary>A finished stage's snapshot, verified.</summary>
    /// <exception cref="InvalidDataException">It has none, or it is damaged.</exception>
    public async Task<(StagePlan Plan, IReadOnlyList<TensorData> Snapshot)> ReadAsync(StageId id, CancellationToken stop)
    {
        var plan = Plan.Has(id) ? Plan[id] : throw new InvalidDataException($"Run '{documents.Run}' has no stage '{id}'.");
        var snapshot =
            (await documents.TryReadRootAsync(id, stop))?.Snapshot
            ?? throw new InvalidDataException($"'{documents.Run}/{id}' has no snapshot yet.");
        return (plan, await snapshots.ReadAsync(snapshot.Sha256, stop));
    }
}
