using System.Runtime.CompilerServices;

namespace Slowrun.Storage;

/// <summary>
/// Named bytes with conditional writes: a directory, a blob container, or memory. Names are segments of <c>[A-Za-z0-9._@-]</c> joined
/// by <c>/</c> (no segment begins or ends with a dot); anything else is an <see cref="ArgumentException"/>. No object's name is
/// another's folder. All members are safe to call from several threads and processes. A member that returns has made its effect
/// durable; one that throws may or may not have had it. A store that cannot be used throws <see cref="StoreException"/>.
/// </summary>
public interface IObjectStore
{
    /// <summary>What the user gave as <c>--store</c>, without secrets.</summary>
    string Address { get; }

    /// <summary>The store behind a wrapper: for code that depends on its kind.</summary>
    IObjectStore Innermost => this;

    /// <summary>The objects as files of this machine; null where they are none.</summary>
    ILocalFiles? LocalFiles => Innermost as ILocalFiles;

    /// <summary>Whether each read crosses a network, so that what is read again and again is worth a copy on this machine.</summary>
    bool IsRemote => !ReferenceEquals(Innermost, this) && Innermost.IsRemote;

    /// <summary>Reads a small document whole; null where there is none.</summary>
    Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>The etag of an object of any size; null where there is none.</summary>
    async Task<string?> TryReadETagAsync(string name, CancellationToken cancellationToken = default) =>
        (await TryReadAsync(name, cancellationToken).ConfigureAwait(false))?.ETag;

    /// <summary>
    /// Opens an object of any size from <paramref name="offset"/> on (to its end, or at most <paramref name="length"/> bytes); null where
    /// there is none. The stream knows its <see cref="Stream.Length"/>, and goes on with the object it was opened on if that is
    /// replaced or deleted, or throws.
    /// </summary>
    Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default);

    /// <summary>Creates an object; its etag, or null where one of that name exists (then nothing was written).</summary>
    Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>Creates a big object from a stream, in bounded memory; false where one of that name exists. A failing stream leaves
    /// nothing.</summary>
    Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default);

    /// <summary>Replaces an object if its etag is still <paramref name="etag"/>; the new etag, or null where it is not (or the object is
    /// gone).</summary>
    Task<string?> TryReplaceAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default);

    /// <summary>Creates or replaces whatever is there: for hints that need no fence.</summary>
    Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>Deletes an object; with <paramref name="etag"/> only if it is still that one. False where nothing was deleted.</summary>
    Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default);

    /// <summary>Objects whose names begin with <paramref name="prefix"/> (any string, not only whole segments), in ordinal order of
    /// names.</summary>
    IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="ListAsync"/>, the names alone: a hundred thousand of them are cheaper without a look at each
    /// object.</summary>
    async IAsyncEnumerable<string> ListNamesAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in ListAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            yield return entry.Name;
        }
    }

    /// <summary>The next segments below a folder prefix that ends with <c>/</c> (or is empty), in ordinal order: <c>runs/</c> gives the
    /// runs' names.</summary>
    IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default);
}

/// <param name="ModifiedAt">When it was written, by the store's clock, which may tell whole seconds only.</param>
public sealed record StoredObject(ReadOnlyMemory<byte> Content, string ETag, DateTimeOffset ModifiedAt);

public sealed record ObjectEntry(string Name, long LengthBytes, DateTimeOffset ModifiedAt);
