using Slowrun.Core;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// A root of which every write is followed by one of its copy. The copy is always a root that counted: only a writer whose conditional
/// write of the root succeeded writes it, afterwards. No write of the root waits for it: where a stage is let go, the next owner may have
/// it meanwhile. So a copy that arrives late leaves a newer one alone.
/// </summary>
/// <param name="copy">Name of the copy's object.</param>
public sealed class CopyingRootDocument(IRootDocument document, IObjectStore store, string copy) : IRootDocument
{
    private StageRoot? newest;

    // Of the copy as this object wrote it last; null: not known.
    private string? etag;

    public Task Behind { get; private set; } = Task.CompletedTask;

    public Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default) => document.ReadAsync(cancellationToken);

    public async Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default)
    {
        await document.WriteAsync(root, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref newest, root);
        Behind = CopyAsync(Behind, root, cancellationToken);
    }

    private async Task CopyAsync(Task before, StageRoot root, CancellationToken cancellationToken)
    {
        // Two copies on their way at once could arrive in the wrong order.
        await before.ConfigureAwait(false);
        if (!ReferenceEquals(Volatile.Read(ref newest), root))
        {
            // The one that counts now follows.
            return;
        }

        try
        {
            await ReplaceOlderAsync(root, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Whatever it is, the next write must not fail with it. The root counts, and an old copy does no harm: a recovery reads the
            // checkpoints too, and the next write brings the copy up to date.
        }
    }

    /// <summary>Writes the copy unless it is of a newer root: another owner has the stage by then.</summary>
    private async Task ReplaceOlderAsync(StageRoot root, CancellationToken cancellationToken)
    {
        var content = SealedJson.Serialize(copy, root);
        // A write that fails may have been done all the same: then the copy is read before the next.
        var known = etag;
        etag = null;
        while (etag is null)
        {
            if (known is null && await store.TryReadAsync(copy, cancellationToken).ConfigureAwait(false) is { } found)
            {
                if (IsNewer(found, root))
                {
                    return;
                }

                known = found.ETag;
            }

            etag = known is null
                ? await store.TryCreateAsync(copy, content, cancellationToken).ConfigureAwait(false)
                : await store.TryReplaceAsync(copy, content, known, cancellationToken).ConfigureAwait(false);
            known = null;
        }
    }

    private bool IsNewer(StoredObject found, StageRoot root)
    {
        try
        {
            return SealedJson.Deserialize<StageRoot>(copy, found.Content.Span).IsNewerThan(root);
        }
        catch (InvalidDataException e)
        {
            // A damaged copy is replaced, one of a newer version of slowrun is not.
            return NewerDocument.IsRefusal(e);
        }
    }
}
