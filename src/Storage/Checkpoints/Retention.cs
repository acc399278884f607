using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Deletes a stage's checkpoints that nothing needs. It never deletes what a root names, nor what an owner may be about to commit: a folder
/// of a later token than the sweeper knows, or of the current token, unless its owner sweeps (between its uploads) or has released the
/// stage.
/// </summary>
public static class Retention
{
    /// <summary>Deletes what may go; a sweep that dies half-way is finished by the next.</summary>
    /// <returns>The objects deleted (or that would be, in a dry run).</returns>
    public static async Task<IReadOnlyList<ObjectEntry>> SweepAsync(
        IObjectStore store,
        StageSweep sweep,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(sweep);
        var folder = RunPaths.Stage(sweep.Run, sweep.Stage);
        var objects = new List<ObjectEntry>();
        await foreach (var entry in store.ListAsync(folder, cancellationToken).ConfigureAwait(false))
        {
            objects.Add(entry);
        }

        var expired = Expired([.. objects.Select(entry => entry.Name)], folder, sweep.Root, sweep.Keep, sweep.Pinned, sweep.ByOwner)
            .ToHashSet(StringComparer.Ordinal);
        var deleted = objects.Where(entry => expired.Contains(entry.Name)).ToList();
        if (!sweep.DryRun)
        {
            // In the order of names a folder's manifest goes before its parts: a manifest always means a whole checkpoint.
            foreach (var entry in deleted)
            {
                await store.TryDeleteAsync(entry.Name, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }

        return deleted;
    }

    /// <summary>Names among <paramref name="names"/> (all objects of a stage's folder) that may be deleted.</summary>
    internal static IEnumerable<string> Expired(
        IReadOnlyList<string> names,
        string folder,
        StageRoot root,
        int keep,
        IReadOnlyCollection<string> pinned,
        bool owner
    )
    {
        string[] named = [.. new[] { root.Current, root.Previous }.OfType<CheckpointRef>().Select(checkpoint => checkpoint.Manifest)];
        var newest = owner || root.Owner is null ? root.EpochToken : root.EpochToken - 1;
        var spare = Math.Max(0, keep - named.Length);
        var checkpoints =
            from name in names
            let end = name.IndexOf('/', folder.Length)
            where end > 0
            group name by name[..(end + 1)] into checkpoint
            let parsed = RunPaths.TryParseCheckpoint(checkpoint.Key.AsSpan(folder.Length).TrimEnd('/'), out var token, out var step)
                ? (Token: token, Step: step)
                : default
            // A folder that is not a checkpoint's is left alone.
            where parsed.Token > 0 && parsed.Token <= newest
            orderby parsed.Step descending, parsed.Token descending
            select (Objects: checkpoint.ToList(), Manifest: checkpoint.Key + CheckpointWriter.Manifest, parsed.Step);
        foreach (var (objects, manifest, step) in checkpoints)
        {
            if (named.Contains(manifest) || pinned.Contains(manifest))
            {
                continue;
            }

            // Only the owner may delete these: at its take it checked what was newer than the root. For others, the root may be an older
            // one that was put back.
            if (!owner && step > root.DurableStep && objects.Contains(manifest))
            {
                continue;
            }

            // Older whole checkpoints are kept up to the number asked for; one beyond the current step was never committed.
            if (spare > 0 && step <= root.DurableStep && objects.Contains(manifest))
            {
                spare--;
                continue;
            }

            foreach (var name in objects)
            {
                yield return name;
            }
        }
    }
}
