using System.Runtime.CompilerServices;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>A run's checkpoints and snapshots as the store holds them: to be listed, verified, and cleaned up with no silo alive.</summary>
public sealed class CheckpointLedger(IObjectStore store, string run)
{
    private const string Snapshots = "snapshots/";

    /// <summary>Every checkpoint folder and snapshot there is, by stage, newest first.</summary>
    public async Task<IReadOnlyList<LedgerEntry>> ListAsync(IReadOnlyCollection<StageId> stages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stages);
        var entries = new List<LedgerEntry>();
        var documents = new RunDocuments(store, run);
        foreach (var stage in stages)
        {
            var root = await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false);
            var folder = RunPaths.Stage(run, stage);
            var objects = await ObjectsAsync(folder, cancellationToken).ConfigureAwait(false);
            entries.AddRange(
                from entry in objects
                let end = entry.Name.IndexOf('/', folder.Length)
                where end > 0
                group entry by entry.Name[folder.Length..end] into checkpoint
                let parsed = RunPaths.TryParseCheckpoint(checkpoint.Key, out var token, out var step) ? (token, step) : (token: -1L, step: -1)
                where parsed.token > 0
                orderby parsed.step descending, parsed.token descending
                select Entry(stage, checkpoint.Key, parsed.token, parsed.step, [.. checkpoint], root));
            if (root?.Snapshot is { } snapshot)
            {
                entries.Add(new LedgerEntry(
                    stage, Snapshots + snapshot.Sha256, root.EpochToken, root.Steps, snapshot.LengthBytes, snapshot.At, LedgerState.Snapshot));
            }
        }

        return entries;
    }

    /// <summary>Reads every byte that the roots name and holds it against its hash.</summary>
    /// <returns>One result for each checkpoint and snapshot named, as they are verified.</returns>
    public async IAsyncEnumerable<VerifiedObject> VerifyAsync(
        IReadOnlyCollection<StageId> stages, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stages);
        var documents = new RunDocuments(store, run);
        var reader = new CheckpointReader(store);
        var snapshots = new SnapshotStore(store, run, TimeProvider.System);
        foreach (var stage in stages)
        {
            StageRoot? root = null;
            var damage = await DamageOfAsync(async () =>
                root = await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
            if (damage is not null)
            {
                yield return new VerifiedObject(stage, RunPaths.Root(run, stage), damage);
            }

            foreach (var checkpoint in new[] { root?.Current, root?.Previous }.OfType<CheckpointRef>())
            {
                yield return new VerifiedObject(stage, checkpoint.Manifest, await DamageOfAsync(
                    () => reader.VerifyAsync(run, stage, checkpoint, root!.Identity, cancellationToken)).ConfigureAwait(false));
            }

            if (root?.Snapshot is { } snapshot)
            {
                yield return new VerifiedObject(stage, snapshot.Name, await DamageOfAsync(
                    () => snapshots.VerifyAsync(snapshot.Sha256, cancellationToken)).ConfigureAwait(false));
            }
        }
    }

    /// <summary>Deletes what no root names and no owner may be about to name; snapshots only once no stage will make another.</summary>
    /// <param name="keep">Checkpoints kept a stage, those of its root among them.</param>
    /// <returns>What was deleted, or would be in a dry run.</returns>
    public async Task<IReadOnlyList<ObjectEntry>> CollectAsync(
        IReadOnlyCollection<StageId> stages, int keep, bool dryRun, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stages);
        var documents = new RunDocuments(store, run);
        var deleted = new List<ObjectEntry>();
        var named = new HashSet<string>(StringComparer.Ordinal);
        var allFinished = true;
        foreach (var stage in stages)
        {
            var root = await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false);
            allFinished &= root is { Finished: true };
            named.Add(root?.Snapshot?.Name ?? "");
            if (root is not null)
            {
                deleted.AddRange(await Retention.SweepAsync(
                    store, run, stage, root, keep, [], owner: false, dryRun, cancellationToken).ConfigureAwait(false));
            }
        }

        var snapshots = allFinished ? await ObjectsAsync(RunPaths.Run(run) + Snapshots, cancellationToken).ConfigureAwait(false) : [];
        foreach (var snapshot in snapshots.Where(snapshot => !named.Contains(snapshot.Name)))
        {
            deleted.Add(snapshot);
            if (!dryRun)
            {
                await store.TryDeleteAsync(snapshot.Name, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }

        return deleted;
    }

    private static LedgerEntry Entry(StageId stage, string folder, long token, int step, IReadOnlyList<ObjectEntry> objects, StageRoot? root)
    {
        var manifest = objects.FirstOrDefault(entry => entry.Name.EndsWith("/" + CheckpointWriter.Manifest, StringComparison.Ordinal));
        var state = manifest is null ? LedgerState.Partial
            : manifest.Name == root?.Current?.Manifest ? LedgerState.Current
            : manifest.Name == root?.Previous?.Manifest ? LedgerState.Previous
            : LedgerState.Unnamed;
        return new LedgerEntry(
            stage, folder, token, step, objects.Sum(entry => entry.LengthBytes), objects.Max(entry => entry.ModifiedAt), state);
    }

    private static async Task<string?> DamageOfAsync(Func<Task> read)
    {
        try
        {
            await read().ConfigureAwait(false);
            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    private async Task<List<ObjectEntry>> ObjectsAsync(string prefix, CancellationToken cancellationToken)
    {
        var objects = new List<ObjectEntry>();
        await foreach (var entry in store.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            objects.Add(entry);
        }

        return objects;
    }
}
