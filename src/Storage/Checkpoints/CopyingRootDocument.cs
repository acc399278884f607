using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// A root of which every write is followed by one of its copy. The copy is always a root that counted: only a writer whose conditional
/// write of the root succeeded writes it, afterwards. No write of the root waits for it: where a stage is let go, the next owner may have
/// it meanwhile, and an older copy does no harm.
/// </summary>
/// <param name="copy">Name of the copy's object.</param>
public sealed class CopyingRootDocument(IRootDocument document, IObjectStore store, string copy) : IRootDocument
{
    private StageRoot? newest;

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
            await store.WriteAsync(copy, SealedJson.Serialize(copy, root), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Whatever it is, the next write must not fail with it. The root counts, and an old copy does no harm: a recovery reads the
            // checkpoints too, and the next write brings the copy up to date.
        }
    }
}
