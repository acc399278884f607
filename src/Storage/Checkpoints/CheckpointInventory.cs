using System.Runtime.CompilerServices;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>A run's checkpoints and snapshots as the store holds them: to be listed, verified, and cleaned up with no silo alive.</summary>
public sealed class CheckpointInventory(IObjectStore store, string run)
{
    private const string Snapshots = "snapshots/";

    /// <summary>Every checkpoint folder and snapshot there is, by stage, newest first.</summary>
    public async Task<IReadOnlyList<LedgerEntry>> ListAsync(
        IReadOnlyCollection<StageId> stages,
        CancellationToken cancellationToken = default
    )
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
                let parsed = RunPaths.TryParseCheckpoint(checkpoint.Key, out var token, out var step)
                    ? (token, step)
                    : (token: -1L, step: -1)
                where parsed.token > 0
                orderby parsed.step descending, parsed.token descending
                select Entry(stage, checkpoint.Key, parsed.token, parsed.step, [.. checkpoint], root)
            );
            if (root?.Snapshot is { } snapshot)
            {
                entries.Add(
                    new LedgerEntry(
                        stage,
                        Snapshots + snapshot.Sha256,
                        root.EpochToken,
                        root.Steps,
                        snapshot.LengthBytes,
                        snapshot.At,
                        LedgerState.Snapshot
                    )
                );
            }
        }

        return entries;
    }

    /// <summary>
    /// Reads every byte that the roots name and holds it against its hash. What a living owner has swept meanwhile is no damage, and left
    /// out.
    /// </summary>
    /// <param name="begin">Called for each object before it is read.</param>
    /// <returns>One result for each root that cannot be read, and each checkpoint and snapshot named, as they are verified.</returns>
    public async IAsyncEnumerable<VerifiedObject> VerifyAsync(
        IReadOnlyCollection<StageId> stages,
        Action<VerifiedObject>? begin = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(stages);
        var documents = new RunDocuments(store, run);
        foreach (var stage in stages)
        {
            StageRoot? root = null;
            var damage = await DamageOfAsync(async () =>
                    root = await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false)
                )
                .ConfigureAwait(false);
            if (damage is not null)
            {
                yield return new VerifiedObject(stage, LedgerState.Root, RunPaths.Root(run, stage))
                {
                    Damage = damage,
                    Advice = VerifiedObject.RootAdvice,
                };
            }

            // The one to fall back to first: what to do about the current one depends on it.
            var previousIsWhole = false;
            foreach (var one in root is null ? [] : Named(stage, root))
            {
                begin?.Invoke(one);
                damage = await DamageOfAsync(() => VerifyAsync(one, root!, cancellationToken)).ConfigureAwait(false);
                previousIsWhole |= one.What == LedgerState.Previous && damage is null;
                if (damage is null)
                {
                    yield return one;
                }
                else if (await IsNamedAsync(documents, one, cancellationToken).ConfigureAwait(false))
                {
                    yield return one with
                    {
                        Damage = damage,
                        Advice = one.AdviceFor(root!, previousIsWhole),
                    };
                }
            }
        }
    }

    /// <summary>Reads every byte of another run's snapshots that a stage is taught by. Empty once the stage has finished: it no longer
    /// needs them.</summary>
    public async IAsyncEnumerable<VerifiedObject> VerifyTeachersAsync(
        StageId stage,
        TeacherRecipe teacher,
        Action<VerifiedObject>? begin = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(teacher);
        StageRoot? root = null;
        await DamageOfAsync(async () =>
                root = await new RunDocuments(store, run).TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false)
            )
            .ConfigureAwait(false);
        if (root?.Finished == true)
        {
            yield break;
        }

        var lengths = (await ObjectsAsync(RunPaths.Run(teacher.Run) + Snapshots, cancellationToken).ConfigureAwait(false)).ToDictionary(
            entry => entry.Name,
            entry => entry.LengthBytes
        );
        var snapshots = new SnapshotStore(store, teacher.Run, TimeProvider.System);
        foreach (var sha256 in teacher.Members.Select(member => member.Sha256).Distinct())
        {
            var name = RunPaths.Snapshot(teacher.Run, sha256);
            var one = new VerifiedObject(stage, LedgerState.Teacher, name) { LengthBytes = lengths.GetValueOrDefault(name) };
            begin?.Invoke(one);
            var damage = await DamageOfAsync(() => snapshots.VerifyAsync(sha256, cancellationToken)).ConfigureAwait(false);
            yield return damage is null ? one : one with { Damage = damage, Advice = VerifiedObject.TeacherAdvice };
        }
    }

    /// <summary>
    /// Deletes what no root names and no owner may be about to name; snapshots only once no stage will make another, and only with the
    /// whole run in question. Nothing is deleted where a root cannot be read.
    /// </summary>
    /// <param name="plan">All stages of the run.</param>
    /// <param name="only">The stage to clean up after; null: all.</param>
    /// <param name="keep">Checkpoints kept a stage, those of its root among them.</param>
    /// <returns>What was deleted, or would be in a dry run.</returns>
    /// <exception cref="InvalidDataException">A root is damaged; the message names it.</exception>
    public async Task<IReadOnlyList<ObjectEntry>> CollectAsync(
        IReadOnlyCollection<StageId> plan,
        StageId? only,
        int keep,
        bool dryRun,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(plan);
        var documents = new RunDocuments(store, run);
        var roots = new Dictionary<StageId, StageRoot>();
        foreach (var stage in plan)
        {
            if (await documents.TryReadRootAsync(stage, cancellationToken).ConfigureAwait(false) is { } root)
            {
                roots[stage] = root;
            }
        }

        var deleted = new List<ObjectEntry>();
        foreach (var (stage, root) in roots.Where(pair => only is null || pair.Key == only))
        {
            deleted.AddRange(
                await Retention
                    .SweepAsync(store, new StageSweep(run, stage, root, keep) { DryRun = dryRun }, cancellationToken)
                    .ConfigureAwait(false)
            );
        }

        var madeAll = only is null && plan.All(stage => roots.TryGetValue(stage, out var root) && root.Finished);
        var named = roots.Values.Select(root => root.Snapshot?.Name).ToHashSet(StringComparer.Ordinal);
        var snapshots = madeAll ? await ObjectsAsync(RunPaths.Run(run) + Snapshots, cancellationToken).ConfigureAwait(false) : [];
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

    private static IEnumerable<VerifiedObject> Named(StageId stage, StageRoot root)
    {
        foreach (var (what, checkpoint) in new[] { (LedgerState.Previous, root.Previous), (LedgerState.Current, root.Current) })
        {
            if (checkpoint is not null)
            {
                yield return new VerifiedObject(stage, what, checkpoint.Manifest)
                {
                    Checkpoint = checkpoint,
                    Step = checkpoint.Step,
                    LengthBytes = checkpoint.LengthBytes,
                };
            }
        }

        if (root.Snapshot is { } snapshot)
        {
            yield return new VerifiedObject(stage, LedgerState.Snapshot, snapshot.Name)
            {
                Step = root.Steps,
                LengthBytes = snapshot.LengthBytes,
            };
        }
    }

    private Task VerifyAsync(VerifiedObject one, StageRoot root, CancellationToken cancellationToken) =>
        one.Checkpoint is { } checkpoint
            ? new CheckpointReader(store).VerifyAsync(run, one.Stage!.Value, checkpoint, root.Identity, cancellationToken)
            : new SnapshotStore(store, run, TimeProvider.System).VerifyAsync(root.Snapshot!.Sha256, cancellationToken);

    private static async Task<bool> IsNamedAsync(RunDocuments documents, VerifiedObject one, CancellationToken cancellationToken) =>
        await documents.TryReadRootAsync(one.Stage!.Value, cancellationToken).ConfigureAwait(false) is { } root
        && Named(one.Stage.Value, root).Any(named => named.Name == one.Name);

    private static LedgerEntry Entry(
        StageId stage,
        string folder,
        long token,
        int step,
        IReadOnlyList<ObjectEntry> objects,
        StageRoot? root
    )
    {
        var manifest = objects.FirstOrDefault(entry => entry.Name.EndsWith("/" + CheckpointWriter.Manifest, StringComparison.Ordinal));
        var state =
            manifest is null ? LedgerState.Partial
            : manifest.Name == root?.Current?.Manifest ? LedgerState.Current
            : manifest.Name == root?.Previous?.Manifest ? LedgerState.Previous
            : LedgerState.Unnamed;
        return new LedgerEntry(
            stage,
            folder,
            token,
            step,
            objects.Sum(entry => entry.LengthBytes),
            objects.Max(entry => entry.ModifiedAt),
            state
        );
    }

    internal static async Task<string?> DamageOfAsync(Func<Task> read)
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
