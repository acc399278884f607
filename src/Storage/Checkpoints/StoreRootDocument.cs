using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>A root kept as a JSON object of a store.</summary>
/// <param name="known">ETag of what the caller has read itself; null: nothing, as when there is no such object.</param>
public sealed class StoreRootDocument(IObjectStore store, string name, string? known = null) : IRootDocument
{
    private string? etag = known;

    /// <exception cref="InvalidDataException">The object is damaged; the message names it.</exception>
    public async Task<StageRoot?> ReadAsync(CancellationToken cancellationToken = default)
    {
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        etag = found?.ETag;
        return found is null ? null : SealedJson.Deserialize<StageRoot>(name, found.Content.Span);
    }

    public async Task WriteAsync(StageRoot root, CancellationToken cancellationToken = default)
    {
        var content = SealedJson.Serialize(name, root);
        var written = etag is null
            ? await store.TryCreateAsync(name, content, cancellationToken).ConfigureAwait(false)
            : await store.TryReplaceAsync(name, content, etag, cancellationToken).ConfigureAwait(false);
        etag = written ?? throw new RootConflictException($"The root '{name}' is not what it was when last read.");
    }
}
