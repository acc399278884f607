namespace Slowrun.Storage.Runs;

/// <summary>Typed documents of a store, as sealed JSON.</summary>
internal static class JsonObjects
{
    /// <exception cref="InvalidDataException">The object cannot be read; the message names it.</exception>
    public static async Task<T?> TryReadJsonAsync<T>(this IObjectStore store, string name, CancellationToken cancellationToken)
        where T : class
    {
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        return found is null ? null : SealedJson.Deserialize<T>(name, found.Content.Span);
    }

    public static async Task<bool> TryCreateJsonAsync<T>(
        this IObjectStore store,
        string name,
        T value,
        CancellationToken cancellationToken
    ) => await store.TryCreateAsync(name, SealedJson.Serialize(name, value), cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>Changes a document by compare-and-swap, again until no other change comes in between.</summary>
    /// <param name="change">From what is there now (null: nothing) to what shall be; called again after a lost race. Null: leave
    /// it.</param>
    /// <returns>What is there afterwards.</returns>
    public static async Task<T?> ChangeJsonAsync<T>(
        this IObjectStore store,
        string name,
        Func<T?, T?> change,
        CancellationToken cancellationToken
    )
        where T : class
    {
        while (true)
        {
            var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
            var old = found is null ? null : SealedJson.Deserialize<T>(name, found.Content.Span);
            if (change(old) is not { } next)
            {
                return old;
            }

            var content = SealedJson.Serialize(name, next);
            var written = found is null
                ? await store.TryCreateAsync(name, content, cancellationToken).ConfigureAwait(false)
                : await store.TryReplaceAsync(name, content, found.ETag, cancellationToken).ConfigureAwait(false);
            if (written is not null)
            {
                return next;
            }
        }
    }
}
