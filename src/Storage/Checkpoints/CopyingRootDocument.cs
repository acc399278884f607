using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// A root of which every write is followed by one of its copy. The copy says nothing that did not hold: it is written by those alone whose
/// conditional write of the root succeeded, and after it.
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
            // The root counts. A copy that lags is for a recovery that looks at the checkpoints too; the next write brings it up to date.
        }
    }
}
