using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// A root of which every write is followed by one of its copy. The copy is always a root that counted: only a writer whose conditional
/// write of the root succeeded writes it, afterwards.
/// </summary>
/// <param name="copy">Name of the copy's object.</param>
public sealed class CopyingRootDocument(IRootDocument document, IObjectStore store, string copy) : IRootDocument
{
    public Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default) => document.ReadAsync(cancellationToken);

    public async Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default)
    {
        await document.WriteAsync(root, cancellationToken).ConfigureAwait(false);
        try
        {
            await store.WriteAsync(copy, SealedJson.Serialize(copy, root), cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The root counts. An old copy does no harm: a recovery reads the checkpoints too, and the next write brings the copy up to
            // date.
        }
    }
}
