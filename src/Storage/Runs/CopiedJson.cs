using Slowrun.Core;

namespace Slowrun.Storage.Runs;

/// <summary>
/// Documents that a run needs and that cannot be computed again are kept twice: <c>NAME</c>, which decides, and <c>NAME.copy</c>, which is
/// read where that one is damaged or gone. The copy is written first: a writer that dies in between leaves a copy with the new content, and
/// the old document, which counts as long as it can be read. A document's first content is written before its copy, or a reader in between
/// would find it missing, and another writer would carry on what its own writer then does once more.
/// </summary>
internal static class CopiedJson
{
    public static string CopyOf(string name) => name + ".copy";

    /// <summary>Reads a document, or its copy.</summary>
    /// <exception cref="InvalidDataException">A newer version of slowrun has written it (<see cref="NewerDocument"/>).</exception>
    public static async Task<CopiedRead<T>> ReadCopiedAsync<T>(this IObjectStore store, string name, CancellationToken cancellationToken)
        where T : class
    {
        var found = await store.TryReadAsync(name, cancellationToken).ConfigureAwait(false);
        string? damage = null;
        if (found is not null)
        {
            try
            {
                return new CopiedRead<T>(SealedJson.Deserialize<T>(name, found.Content.Span), found.ModifiedAt, null, found.ETag);
            }
            catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
            {
                damage = e.Message;
            }
        }

        var copy = await store.TryReadCopyAsync<T>(name, cancellationToken).ConfigureAwait(false);
        // Never written: there is nothing to miss.
        return damage is null && copy is null
            ? new CopiedRead<T>(null, null, null, null)
            : new CopiedRead<T>(copy?.Value, copy?.ModifiedAt, damage ?? $"'{name}' is missing.", found?.ETag);
    }

    /// <summary>Changes a document and its copy by compare-and-swap, again until no other change comes in between.</summary>
    /// <param name="change">From what is there now (null: nothing) to what shall be; called again after a lost race.</param>
    /// <param name="lost">What to take for the old one where both are damaged; null: nothing.</param>
    /// <returns>What is there afterwards, and the damage that was written over; null: none.</returns>
    public static async Task<(T Value, string? Replaced)> ChangeCopiedAsync<T>(
        this IObjectStore store,
        string name,
        Func<T?, T> change,
        T? lost,
        CancellationToken cancellationToken
    )
        where T : class
    {
        while (true)
        {
            // Before the document: who changes both meanwhile has the copy changed first.
            var copied = (await store.TryReadAsync(CopyOf(name), cancellationToken).ConfigureAwait(false))?.ETag;
            var old = await store.ReadCopiedAsync<T>(name, cancellationToken).ConfigureAwait(false);
            var next = change(old.Value ?? (old.Damage is null ? null : lost));
            if (old is { Value: null, Damage: null })
            {
                if (await store.TryPutAsync(name, SealedJson.Serialize(name, next), null, cancellationToken).ConfigureAwait(false))
                {
                    // A copy that is there already is of a later change.
                    await store
                        .TryPutAsync(CopyOf(name), SealedJson.Serialize(CopyOf(name), next), null, cancellationToken)
                        .ConfigureAwait(false);
                    return (next, null);
                }

                continue;
            }

            var copy = SealedJson.Serialize(CopyOf(name), next);
            // One that arrived late would stand over that of a later change, and stay there if this writer dies before it learns of it.
            if (
                await store.TryPutAsync(CopyOf(name), copy, copied, cancellationToken).ConfigureAwait(false)
                && await store.TryPutAsync(name, SealedJson.Serialize(name, next), old.ETag, cancellationToken).ConfigureAwait(false)
            )
            {
                return (next, old.Damage);
            }
        }
    }

    /// <summary>Writes a document again from its copy, or a missing copy from its document.</summary>
    /// <returns>What was wrong with the document; null: nothing was, or it has no copy, or another process wrote it at that
    /// moment.</returns>
    public static async Task<string?> MendCopiedAsync<T>(this IObjectStore store, string name, CancellationToken cancellationToken)
        where T : class
    {
        var read = await store.ReadCopiedAsync<T>(name, cancellationToken).ConfigureAwait(false);
        if (read is { Damage: { } damage, Value: { } whole })
        {
            return await store.TryPutAsync(name, SealedJson.Serialize(name, whole), read.ETag, cancellationToken).ConfigureAwait(false)
                ? damage
                : null;
        }

        if (read is { Damage: null, Value: { } value })
        {
            await MendCopyAsync(store, CopyOf(name), value, cancellationToken).ConfigureAwait(false);
        }

        return null;
    }

    private static async Task MendCopyAsync<T>(IObjectStore store, string copy, T value, CancellationToken cancellationToken)
        where T : class
    {
        var found = await store.TryReadAsync(copy, cancellationToken).ConfigureAwait(false);
        try
        {
            if (found is not null)
            {
                SealedJson.Deserialize<T>(copy, found.Content.Span);
                return;
            }
        }
        catch (InvalidDataException e) when (NewerDocument.IsRefusal(e))
        {
            return;
        }
        catch (InvalidDataException)
        {
            // Replaced below, unless another process does so meanwhile.
        }

        // Of an older store, or its writer died in between, or damaged.
        await store.TryPutAsync(copy, SealedJson.Serialize(copy, value), found?.ETag, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<bool> TryPutAsync(
        this IObjectStore store,
        string name,
        byte[] content,
        string? etag,
        CancellationToken cancellationToken
    ) =>
        (
            etag is null
                ? await store.TryCreateAsync(name, content, cancellationToken).ConfigureAwait(false)
                : await store.TryReplaceAsync(name, content, etag, cancellationToken).ConfigureAwait(false)
        )
            is not null;

    private static async Task<(T Value, DateTimeOffset ModifiedAt)?> TryReadCopyAsync<T>(
        this IObjectStore store,
        string name,
        CancellationToken cancellationToken
    )
        where T : class
    {
        try
        {
            return await store.TryReadAsync(CopyOf(name), cancellationToken).ConfigureAwait(false) is { } found
                ? (SealedJson.Deserialize<T>(CopyOf(name), found.Content.Span), found.ModifiedAt)
                : null;
        }
        catch (InvalidDataException e) when (!NewerDocument.IsRefusal(e))
        {
            // Only damage of the document itself is reported.
            return null;
        }
    }
}

/// <param name="Value">Null: never written, or damaged with its copy.</param>
/// <param name="Damage">What is wrong with the document itself; null: nothing.</param>
/// <param name="ETag">Of the document itself, damaged or not; null: it is not there.</param>
internal sealed record CopiedRead<T>(T? Value, DateTimeOffset? ModifiedAt, string? Damage, string? ETag)
    where T : class;
