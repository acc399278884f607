using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// Finds out whether a stage's root is what was last written, and recovers it where it is not: from its copy, and from the newest whole
/// checkpoint of the same identity beside it. Why that cannot change a byte: decision 0019.
/// </summary>
public sealed class RootRecovery(IObjectStore store, string run, TimeProvider time)
{
    // So many takes may be in no copy, no progress and no checkpoint, and their owners still be told from those that follow.
    private const int TokenGap = 10;

    /// <summary>Compares a stage's root with all objects beside it.</summary>
    /// <returns>Null where there is nothing to recover.</returns>
    /// <exception cref="InvalidDataException">A newer version of slowrun has written the root or its copy: that is no damage.</exception>
    public async Task<RootFinding?> LookAsync(StageId stage, CancellationToken cancellationToken = default)
    {
        var name = RunPaths.Root(run, stage);
        // The root first: a writer meanwhile changes the etag, so that nothing is recovered over its write.
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        var (root, damage) = Parsed(name, found);
        var copyName = RunPaths.RootCopy(run, stage);
        var (copy, _) = Parsed(copyName, await store.TryReadAsync(copyName, cancellationToken).ConfigureAwait(false));
        var folders = await FoldersAsync(stage, cancellationToken).ConfigureAwait(false);
        var newestToken = folders.Select(folder => folder.Token).DefaultIfEmpty().Max();
        var trouble =
            damage
            ?? (
                root is null && (copy is not null || folders.Count > 0) ? $"'{name}' is missing, although the stage had begun."
                : root is null ? null
                : copy?.IsNewerThan(root) == true
                    ? Invariant($"'{name}' is older than its copy: it has epoch token {root.EpochToken} and step {root.DurableStep}, ")
                        + Invariant($"the copy {copy.EpochToken} and {copy.DurableStep}{(copy.Finished ? ", finished" : "")}.")
                : newestToken > root.EpochToken
                    ? Invariant($"'{name}' is an older one: it has epoch token {root.EpochToken}, ")
                        + Invariant($"and a checkpoint of token {newestToken} lies beside it.")
                : null
            );
        var known = copy?.IsNewerThan(root) == true ? copy : root;
        if (
            trouble is null
            && (known is null or { Finished: true } || !folders.Any(folder => folder.IsWhole && folder.Step > known.DurableStep))
        )
        {
            return null;
        }

        var newer =
            known?.Finished == true
                ? new Whole([], null, false)
                : await WholeAsync(stage, known, folders, cancellationToken).ConfigureAwait(false);
        if (trouble is null && newer.Checkpoints is [])
        {
            return null;
        }

        var progress = await new RunDocuments(store, run).TryReadProgressAsync(stage, cancellationToken).ConfigureAwait(false);
        long[] tokens = [known?.EpochToken ?? 0, newestToken, progress?.EpochToken ?? 0];
        return new RootFinding(
            stage,
            trouble,
            found?.ETag,
            StageTransitions.Recover(
                known,
                newer.Identity,
                newer.Checkpoints,
                trouble is null ? known!.EpochToken : tokens.Max() + TokenGap,
                progress
            )
        )
        {
            Owner = known?.Owner,
            // What a root or its copy says was committed. Anything beyond it must be what any owner would have computed.
            IsSafe = newer.Checkpoints is []
                ? known is not null || !newer.OfSeveral
                : !newer.OfSeveral && known is not { Adoptions: > 0 } && newer.Identity!.IsRepeatable,
        };
    }

    /// <summary>Writes the recovered root, if the stage's is still the one that was looked at.</summary>
    /// <returns>Whether it was written.</returns>
    public async Task<bool> TryRecoverAsync(RootFinding finding, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(finding);
        var name = RunPaths.Root(run, finding.Stage);
        var document = new CopyingRootDocument(
            new StoreRootDocument(store, name, finding.ETag),
            store,
            RunPaths.RootCopy(run, finding.Stage)
        );
        if (!await new RootCommit(document, time).TryRecoverAsync(finding.Recovered, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        await document.Behind.ConfigureAwait(false);
        await new RunEvents(store, run)
            .AppendAsync(
                new RunEvent(
                    time.GetUtcNow(),
                    finding.Trouble is null ? EventKind.CheckpointAdopted : EventKind.RootRecovered,
                    finding.Stage.ToString(),
                    finding.Story
                ),
                cancellationToken
            )
            .ConfigureAwait(false);
        return true;
    }

    /// <summary>Checkpoints beyond what is known to count, the newest first, with every byte verified; at most two.</summary>
    private async Task<Whole> WholeAsync(
        StageId stage,
        StageRoot? known,
        IReadOnlyList<Folder> folders,
        CancellationToken cancellationToken
    )
    {
        var reader = new CheckpointReader(store);
        var identity = known?.Identity;
        var several = false;
        var whole = new List<CheckpointRef>();
        foreach (
            var folder in folders
                .Where(folder => folder.IsWhole && folder.Step > (known?.DurableStep ?? 0))
                .OrderByDescending(folder => (folder.Step, folder.Token))
        )
        {
            try
            {
                var stored =
                    await store.TryReadAsync(folder.Manifest, cancellationToken).ConfigureAwait(false)
                    ?? throw new InvalidDataException("Gone.");
                var manifest = CanonicalJson.Deserialize<CheckpointManifest>(stored.Content.Span, folder.Manifest);
                if (manifest.Version > CheckpointManifest.CurrentVersion)
                {
                    throw NewerDocument.Refusal(
                        folder.Manifest,
                        Invariant($"it has form {manifest.Version}, this version reads {CheckpointManifest.CurrentVersion}.")
                    );
                }

                if (identity is not null && manifest.Identity != identity)
                {
                    // Of another device, with which a user let the stage go on: only the root said which of them counts.
                    several = true;
                    continue;
                }

                var checkpoint = new CheckpointRef(
                    folder.Manifest,
                    ContentHash.Of(stored.Content.Span),
                    folder.Step,
                    folder.Token,
                    manifest.Parts.Sum(part => part.LengthBytes),
                    stored.ModifiedAt
                );
                if (whole.Count < 2)
                {
                    await reader.VerifyAsync(run, stage, checkpoint, manifest.Identity, cancellationToken).ConfigureAwait(false);
                    whole.Add(checkpoint);
                }

                identity ??= manifest.Identity;
            }
            catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
            {
                // Damaged: the one before it will do.
            }
        }

        return new Whole(whole, identity, several);
    }

    private async Task<IReadOnlyList<Folder>> FoldersAsync(StageId stage, CancellationToken cancellationToken)
    {
        var start = RunPaths.Stage(run, stage);
        var folders = new Dictionary<string, Folder>(StringComparer.Ordinal);
        await foreach (var entry in store.ListAsync(start, cancellationToken).ConfigureAwait(false))
        {
            var end = entry.Name.IndexOf('/', start.Length);
            if (end > 0 && RunPaths.TryParseCheckpoint(entry.Name.AsSpan(start.Length..end), out var token, out var step))
            {
                var manifest = entry.Name[..(end + 1)] + CheckpointWriter.Manifest;
                var seen = folders.TryGetValue(manifest, out var old) && old.IsWhole;
                folders[manifest] = new Folder(manifest, token, step, seen || entry.Name == manifest);
            }
        }

        return [.. folders.Values];
    }

    private static (StageRoot? Root, string? Damage) Parsed(string name, StoredObject? found)
    {
        try
        {
            return (found is null ? null : SealedJson.Deserialize<StageRoot>(name, found.Content.Span), null);
        }
        catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
        {
            return (null, e.Message);
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed record Folder(string Manifest, long Token, int Step, bool IsWhole);

    /// <param name="OfSeveral">Whether others of another identity were left out.</param>
    private sealed record Whole(IReadOnlyList<CheckpointRef> Checkpoints, StageIdentity? Identity, bool OfSeveral);
}
