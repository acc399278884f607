using Orleans.Storage;
using Slowrun.Storage;

namespace Slowrun.Clustering.Persistence;

/// <summary>
/// Grain state as sealed JSON documents of the store: what a grain holds and what a client reads without a cluster are the same bytes.
/// </summary>
/// <param name="objectName">Object for (state name, grain); null: <see cref="GrainObjectNames.Default"/>.</param>
public sealed class StoreGrainStorage(IObjectStore store, Func<string, GrainId, string>? objectName = null) : IGrainStorage
{
    private readonly Func<string, GrainId, string> objectName = objectName ?? GrainObjectNames.Default;

    /// <exception cref="InvalidDataException">The document is damaged, or of another type; the message names it.</exception>
    public async Task ReadStateAsync<T>(
        string stateName,
        GrainId grainId,
        IGrainState<T> grainState,
        CancellationToken cancellationToken = default
    )
    {
        var name = objectName(stateName, grainId);
        if (await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false) is not { } stored)
        {
            Forget(grainState);
            return;
        }

        // Of a damaged document too: its owner may write over exactly this one.
        grainState.ETag = stored.ETag;
        grainState.State = SealedJson.Deserialize<T>(name, stored.Content.Span, $"{store.Address}: {name}");
        grainState.RecordExists = true;
    }

    /// <exception cref="InconsistentStateException">The document is not the one that was read, or exists though none was read.</exception>
    public async Task WriteStateAsync<T>(
        string stateName,
        GrainId grainId,
        IGrainState<T> grainState,
        CancellationToken cancellationToken = default
    )
    {
        var name = objectName(stateName, grainId);
        var bytes = SealedJson.Serialize(name, grainState.State);
        var etag = ETag(grainState) is { } known
            ? await store.TryReplaceAsync(name, bytes, known, cancellationToken).ConfigureAwait(false)
            : await store.TryCreateAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        if (etag is null)
        {
            var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
            etag = OwnWrite.Is(found, bytes) ? found.ETag : throw Conflict(name, ETag(grainState), found?.ETag);
        }

        grainState.ETag = etag;
        grainState.RecordExists = true;
    }

    /// <summary>Deletes the document; a later write creates it anew.</summary>
    /// <exception cref="InconsistentStateException">The document is not the one that was read, or exists though none was read.</exception>
    public async Task ClearStateAsync<T>(
        string stateName,
        GrainId grainId,
        IGrainState<T> grainState,
        CancellationToken cancellationToken = default
    )
    {
        var name = objectName(stateName, grainId);
        var known = ETag(grainState);
        if (known is null || !await store.TryDeleteAsync(name, known, cancellationToken).ConfigureAwait(false))
        {
            // The document is gone, as intended: perhaps deleted by this call, whose first answer was lost.
            if (await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false) is { } found)
            {
                throw Conflict(name, known, found.ETag);
            }
        }

        Forget(grainState);
    }

    // Orleans' older signatures: abstract still, and marked obsolete.
    Task IGrainStorage.ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState);

    Task IGrainStorage.WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState);

    Task IGrainStorage.ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState);

    private static string? ETag<T>(IGrainState<T> grainState) => string.IsNullOrEmpty(grainState.ETag) ? null : grainState.ETag;

    private static void Forget<T>(IGrainState<T> grainState)
    {
        grainState.State = Activator.CreateInstance<T>();
        grainState.ETag = null!;
        grainState.RecordExists = false;
    }

    private InconsistentStateException Conflict(string name, string? expected, string? found) =>
        new(OwnWrite.Conflict(store, name, expected, found), storedEtag: found ?? "", currentEtag: expected ?? "");
}
