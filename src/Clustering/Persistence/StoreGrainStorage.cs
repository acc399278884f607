using Orleans.Storage;
using Slowrun.Core;
using Slowrun.Storage;

namespace Slowrun.Clustering.Persistence;

/// <summary>Grain state as canonical JSON documents of the store: what a grain holds and what a client reads without a cluster are the same bytes.</summary>
/// <param name="objectName">Object for (state name, grain): see <see cref="GrainObjectNames"/>.</param>
public sealed class StoreGrainStorage(IObjectStore store, Func<string, GrainId, string> objectName) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken = default)
    {
        var name = objectName(stateName, grainId);
        var stored = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        if (stored is null)
        {
            Forget(grainState);
            return;
        }

        grainState.State = CanonicalJson.Deserialize<T>(stored.Content.Span, name);
        grainState.ETag = stored.ETag;
        grainState.RecordExists = true;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken = default)
    {
        var name = objectName(stateName, grainId);
        var bytes = CanonicalJson.Serialize(grainState.State);
        var etag = grainState.ETag is { } known
            ? await store.TryReplaceAsync(name, bytes, known, cancellationToken).ConfigureAwait(false)
            : await store.TryCreateAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        if (etag is null)
        {
            throw await ConflictAsync(name, grainState.ETag, cancellationToken).ConfigureAwait(false);
        }

        grainState.ETag = etag;
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken = default)
    {
        var name = objectName(stateName, grainId);
        if (grainState.ETag is { } known && !await store.TryDeleteAsync(name, known, cancellationToken).ConfigureAwait(false))
        {
            throw await ConflictAsync(name, known, cancellationToken).ConfigureAwait(false);
        }

        Forget(grainState);
    }

    Task IGrainStorage.ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ReadStateAsync(stateName, grainId, grainState);

    Task IGrainStorage.WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => WriteStateAsync(stateName, grainId, grainState);

    Task IGrainStorage.ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ClearStateAsync(stateName, grainId, grainState);

    private static void Forget<T>(IGrainState<T> grainState)
    {
        grainState.State = Activator.CreateInstance<T>();
        grainState.ETag = null!;
        grainState.RecordExists = false;
    }

    private async Task<InconsistentStateException> ConflictAsync(string name, string? expected, CancellationToken cancellationToken)
    {
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        return new InconsistentStateException(
            $"'{name}' was changed by another writer: found etag {found?.ETag ?? "(no object)"}, expected {expected ?? "(no object)"}.", found?.ETag ?? "", expected ?? "");
    }
}
