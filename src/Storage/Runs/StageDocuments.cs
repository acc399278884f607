using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>Reads the stages' roots and their owners' last progress: of the stages that can have changed.</summary>
/// <param name="isStill">Of an unfinished stage, as for a glance of <see cref="RunFactsReader"/>.</param>
internal sealed class StageDocuments(
    IObjectStore store,
    string run,
    RunMemory memory,
    TimeProvider time,
    Func<StageId, StageRoot?, TimeSpan, bool>? isStill = null
)
{
    // An owner's progress is written every two seconds, and at its end; after this time no more is expected.
    private static readonly TimeSpan LastWordWithin = TimeSpan.FromSeconds(15);

    // A whole fleet waits for the first reading of a run, and each reading is a connection.
    private const int ReadAtOnce = 64;

    private readonly RunDocuments documents = new(store, run);

    /// <param name="fresh">How old the last progress of a root's owner may be.</param>
    public async Task<ReadStages> ReadAsync(RunPlan plan, Func<StageRoot, TimeSpan> fresh, CancellationToken cancellationToken)
    {
        var read = new Dictionary<StageId, ReadStage>();
        while (true)
        {
            // A stage behind one that has not finished cannot have been taken, once it had not been.
            var next = plan
                .Stages.Select(stage => stage.Id)
                .Where(id =>
                    !read.ContainsKey(id) && !memory.Finished.ContainsKey(id) && !(memory.Absent.ContainsKey(id) && !HasFinished(id.Before))
                )
                .ToList();
            if (next.Count == 0)
            {
                break;
            }

            foreach (var some in next.Chunk(ReadAtOnce))
            {
                foreach (var stage in await Task.WhenAll(some.Select(id => ReadAsync(id, fresh, cancellationToken))).ConfigureAwait(false))
                {
                    read[stage.Id] = stage;
                }
            }

            foreach (var id in next)
            {
                if (read[id] is { Root: null, Damage: null } && id.Before is { } before && !HasFinished(before))
                {
                    memory.Absent[id] = true;
                }
                else
                {
                    memory.Absent.TryRemove(id, out _);
                }
            }
        }

        var roots = memory.Finished.Where(pair => !read.ContainsKey(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value.Value);
        foreach (var stage in read.Values.Where(stage => stage.Root is not null))
        {
            roots[stage.Id] = stage.Root!;
        }

        var progress = memory
            .Progress.Where(pair => memory.Finished.ContainsKey(pair.Key))
            .ToDictionary(pair => pair.Key, pair => pair.Value.Value);
        foreach (var stage in read.Values.Where(stage => stage.Progress is not null))
        {
            progress[stage.Id] = stage.Progress!;
        }

        return new ReadStages(roots, progress, [.. read.Values.Select(stage => stage.Damage).OfType<DocumentDamage>()]);

        bool HasFinished(StageId? id) =>
            id is not { } one
            || memory.Finished.ContainsKey(one)
            || (read.TryGetValue(one, out var stage) && stage.Root is { Finished: true });
    }

    private async Task<ReadStage> ReadAsync(StageId id, Func<StageRoot, TimeSpan> fresh, CancellationToken cancellationToken)
    {
        if (isStill is not null && memory.Unfinished.TryGetValue(id, out var last) && isStill(id, last.Value, time.GetElapsedTime(last.At)))
        {
            return new ReadStage(
                id,
                last.Value,
                last.Value is not null && memory.Progress.TryGetValue(id, out var word) ? word.Value : null,
                null
            );
        }

        try
        {
            var from = time.GetTimestamp();
            var root = await documents.TryReadRootAsync(id, cancellationToken).ConfigureAwait(false);
            if (root is { Finished: true })
            {
                memory.Unfinished.TryRemove(id, out _);
                // Only the owner's last progress is written after it, with the loss of the last step, a moment later.
                var told = await ProgressAsync(id, root, _ => TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
                if (told?.Step >= root.Steps || time.GetUtcNow() - root.WrittenAt > LastWordWithin)
                {
                    memory.Finished[id] = new Known<StageRoot>(root, from);
                }

                return new ReadStage(id, root, told, null);
            }

            memory.Unfinished[id] = new Known<StageRoot?>(root, from);
            return new ReadStage(
                id,
                root,
                root is null ? null : await ProgressAsync(id, root, fresh, cancellationToken).ConfigureAwait(false),
                null
            );
        }
        catch (InvalidDataException e)
        {
            memory.Unfinished.TryRemove(id, out _);
            return new ReadStage(
                id,
                null,
                null,
                new DocumentDamage(
                    DocumentKind.Root,
                    RunPaths.Root(run, id),
                    e.Message,
                    $"Other stages go on. A silo recovers it where that cannot change a byte; 'slowrun checkpoints repair {run}/{id}' recovers it, or says what it would take."
                )
                {
                    Stage = id,
                    IsNewer = NewerDocument.IsRefusal(e),
                }
            );
        }
    }

    private async Task<StageProgress?> ProgressAsync(
        StageId id,
        StageRoot root,
        Func<StageRoot, TimeSpan> fresh,
        CancellationToken cancellationToken
    )
    {
        var found = memory.Progress.TryGetValue(id, out var last) && last.Value.EpochToken == root.EpochToken ? last : null;
        // After a release the owner reports no more progress.
        var enough = root.Owner is null
            ? found is not null && last!.Value.At >= root.WrittenAt
            : found is not null && time.GetElapsedTime(found.At) < fresh(root);
        if (enough)
        {
            return found!.Value;
        }

        var from = time.GetTimestamp();
        var progress = await documents.TryReadProgressAsync(id, cancellationToken).ConfigureAwait(false);
        if (progress is not null)
        {
            memory.Progress[id] = new Known<StageProgress>(progress, from);
        }

        return progress;
    }

    private sealed record ReadStage(StageId Id, StageRoot? Root, StageProgress? Progress, DocumentDamage? Damage);
}

internal sealed record ReadStages(
    IReadOnlyDictionary<StageId, StageRoot> Roots,
    IReadOnlyDictionary<StageId, StageProgress> Progress,
    IReadOnlyList<DocumentDamage> Damage
);
