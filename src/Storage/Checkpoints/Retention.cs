using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>Deletes a stage's checkpoints that nothing needs, as <see cref="RetentionRule"/> decides.</summary>
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
        var folders = (
            from name in names
            let end = name.IndexOf('/', folder.Length)
            where end > 0
            group name by name[..(end + 1)] into objects
            let parsed = RunPaths.TryParseCheckpoint(objects.Key.AsSpan(folder.Length).TrimEnd('/'), out var token, out var step)
                ? (Token: token, Step: step)
                : default
            // A folder that is not a checkpoint's is left alone.
            where parsed.Token > 0
            let manifest = objects.Key + CheckpointWriter.Manifest
            select (Stored: new StoredCheckpoint(manifest, parsed.Token, parsed.Step, objects.Contains(manifest)), Objects: objects)
        ).ToDictionary(one => one.Stored, one => one.Objects);
        return RetentionRule.Expired(folders.Keys, root, keep, pinned, owner).SelectMany(checkpoint => folders[checkpoint]);
    }
}
