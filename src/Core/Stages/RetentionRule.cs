namespace Slowrun.Core.Stages;

/// <summary>A checkpoint's folder, as a store lists it.</summary>
/// <param name="Manifest">Object name of its manifest, whether that is there or not.</param>
/// <param name="EpochToken">Of the take that wrote it.</param>
/// <param name="IsWhole">Its manifest is there, and with it all parts.</param>
public sealed record StoredCheckpoint(string Manifest, long EpochToken, int Step, bool IsWhole);

/// <summary>Which checkpoints of a stage nothing needs any more.</summary>
public static class RetentionRule
{
    /// <summary>
    /// Never one that the root names, nor one that an owner may be about to commit: of a later token than the sweeper knows, or of the
    /// current token, unless its owner sweeps (between its uploads) or has released the stage.
    /// </summary>
    /// <param name="stored">All of one stage.</param>
    /// <param name="root">As an owner last wrote it, or, for any other sweeper, as it reads now.</param>
    /// <param name="keep">How many to keep, those of the root among them.</param>
    /// <param name="pinned">Manifests that are needed outside the stage.</param>
    /// <param name="byOwner">The sweeper is the owner of the root's epoch token, and uploads nothing meanwhile.</param>
    /// <returns>Newest first.</returns>
    public static IEnumerable<StoredCheckpoint> Expired(
        IEnumerable<StoredCheckpoint> stored,
        StageRoot root,
        int keep,
        IReadOnlyCollection<string> pinned,
        bool byOwner
    )
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(pinned);
        string[] named = [.. new[] { root.Current, root.Previous }.OfType<CheckpointRef>().Select(checkpoint => checkpoint.Manifest)];
        var newest = byOwner || root.Owner is null ? root.EpochToken : root.EpochToken - 1;
        var spare = Math.Max(0, keep - named.Length);
        foreach (
            var checkpoint in stored
                .Where(one => one.EpochToken <= newest)
                .OrderByDescending(one => one.Step)
                .ThenByDescending(one => one.EpochToken)
        )
        {
            if (named.Contains(checkpoint.Manifest) || pinned.Contains(checkpoint.Manifest))
            {
                continue;
            }

            // Only the owner may delete these: at its take it checked what was newer than the root. For others, the root may be an older
            // one that was put back.
            if (!byOwner && checkpoint.Step > root.DurableStep && checkpoint.IsWhole)
            {
                continue;
            }

            // Older whole checkpoints are kept up to the number asked for; one beyond the current step was never committed.
            if (spare > 0 && checkpoint.Step <= root.DurableStep && checkpoint.IsWhole)
            {
                spare--;
                continue;
            }

            yield return checkpoint;
        }
    }
}
