using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>One owner of a stage, as the slot loop will be: takes, restores, trains, commits every second step, sweeps, finishes.</summary>
internal sealed class ExampleTrainer(IObjectStore store, string name, int steps = 6, int triesOfACall = 1, Func<string>? newWriteId = null)
{
    private readonly Lazy<IRootDocument> document = new(() => new RunDocuments(store, Run).Root(Stage));
    private RootCommit? made;
    private readonly CheckpointWriter writer = new(store, TimeProvider.System) { PartBytes = 8 };
    private readonly SnapshotStore snapshots = new(store, Run, TimeProvider.System);

    public StageRoot Root => Commit.Root;

    /// <summary>The step after which it is told to stop: it leaves the stage, with that step. Not one that it commits anyway.</summary>
    public int? LeavesAfter { get; init; }

    /// <summary>Whether the root's copy is kept, as silos do.</summary>
    public bool KeepsCopy { get; init; }

    private RootCommit Commit =>
        made ??= new(
            KeepsCopy ? new CopyingRootDocument(document.Value, store, RunPaths.RootCopy(Run, Stage)) : document.Value,
            TimeProvider.System,
            newWriteId
        );

    /// <summary>Trains the stage to its end unless something is thrown.</summary>
    public async Task RunAsync()
    {
        var root = await TakeAsync().ConfigureAwait(false);
        var restored = await AgainAsync(() => new CheckpointReader(store).RestoreAsync(Run, Stage, root)).ConfigureAwait(false);
        if (restored.Damaged.Count > 0)
        {
            throw new InvalidDataException(restored.Damaged[0].Why);
        }

        var hash = restored.Checkpoint is null ? 1 : Hash(restored.Tensors);
        for (var step = restored.Checkpoint?.Step ?? 0; step < steps; step++)
        {
            hash = Step(hash, step);
            if (step + 1 == LeavesAfter)
            {
                var last = await AgainAsync(() => WriteAsync(step + 1, hash)).ConfigureAwait(false);
                await AgainAsync(() => Commit.ReleaseAsync(ReleaseCause.Left, last: last)).ConfigureAwait(false);
                return;
            }

            if (step + 1 == steps)
            {
                await FinishAsync(hash).ConfigureAwait(false);
            }
            else if (step % 2 == 1)
            {
                var checkpoint = await AgainAsync(() => WriteAsync(step + 1, hash)).ConfigureAwait(false);
                root = await AgainAsync(() => Commit.CommitAsync(checkpoint, new StageLedger())).ConfigureAwait(false);
                await AgainAsync(() => Retention.SweepAsync(store, new StageSweep(Run, Stage, root, 2) { ByOwner = true }))
                    .ConfigureAwait(false);
            }
        }

        if (restored.Checkpoint?.Step == steps)
        {
            // Lost between its last checkpoint and the finish.
            await FinishAsync(hash).ConfigureAwait(false);
        }
    }

    /// <summary>As a silo does: where the owner that it took for dead has written meanwhile, it looks again.</summary>
    private async Task<StageRoot> TakeAsync()
    {
        while (true)
        {
            try
            {
                return await AgainAsync(() => Commit.TakeAsync(Request(name, steps))).ConfigureAwait(false);
            }
            catch (RootConflictException) { }
        }
    }

    private async Task FinishAsync(ulong hash)
    {
        var final =
            Commit.Root.Current is { } kept && kept.Step == steps
                ? kept
                : await AgainAsync(() => WriteAsync(steps, hash)).ConfigureAwait(false);
        var snapshot = await AgainAsync(() => snapshots.CreateAsync([State(hash)[0]])).ConfigureAwait(false);
        await AgainAsync(() => Commit.FinishAsync(final, snapshot, new StageLedger())).ConfigureAwait(false);
    }

    private Task<CheckpointRef> WriteAsync(int step, ulong hash) =>
        writer.WriteAsync(Run, Stage, Commit.Root.EpochToken, step, Identity(), State(hash));

    private async Task<T> AgainAsync<T>(Func<Task<T>> call)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await call().ConfigureAwait(false);
            }
            catch (IOException) when (tries < triesOfACall) { }
        }
    }
}
