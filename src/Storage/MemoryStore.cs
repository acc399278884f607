using System.Globalization;
using System.Runtime.CompilerServices;

namespace Slowrun.Storage;

/// <summary>A store that lasts as long as its process: for tests.</summary>
public sealed class MemoryStore(string address = "memory:", TimeProvider? time = null) : IObjectStore
{
    private readonly SortedDictionary<string, Item> items = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private long writes;

    public string Address => address;

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default)
    {
        var item = Find(name, cancellationToken);
        return Task.FromResult(item is null ? null : new StoredObject(item.Content, item.ETag, item.ModifiedAt));
    }

    public Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (Find(name, cancellationToken) is not { } item)
        {
            return Task.FromResult<Stream?>(null);
        }

        var start = (int)Math.Min(offset, item.Content.Length);
        var count = (int)Math.Min(length ?? long.MaxValue, item.Content.Length - start);
        return Task.FromResult<Stream?>(new MemoryStream(item.Content, start, count, writable: false));
    }

    public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        Task.FromResult(Put(name, content, old => old is null, cancellationToken));

    public async Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        ObjectNames.Check(name);
        using var copy = new MemoryStream();
        await content.CopyToAsync(copy, cancellationToken).ConfigureAwait(false);
        return Put(name, copy.ToArray(), old => old is null, cancellationToken) is not null;
    }

    public Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    ) => Task.FromResult(Put(name, content, old => old?.ETag == etag, cancellationToken));

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        Put(name, content, _ => true, cancellationToken);
        return Task.CompletedTask;
    }

    public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default)
    {
        ObjectNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (gate)
        {
            return Task.FromResult(items.TryGetValue(name, out var item) && (etag ?? item.ETag) == item.ETag && items.Remove(name));
        }
    }

    public async IAsyncEnumerable<ObjectEntry> ListAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckPrefix(prefix);
        foreach (var entry in Entries(prefix))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return entry;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    public async IAsyncEnumerable<string> ListFoldersAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckFolder(prefix);
        var folders = Entries(prefix)
            .Where(entry => entry.Name.IndexOf('/', prefix.Length) >= 0)
            .Select(entry => entry.Name[prefix.Length..entry.Name.IndexOf('/', prefix.Length)])
            .Distinct()
            .Order(StringComparer.Ordinal);
        foreach (var folder in folders)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return folder;
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    private Item? Find(string name, CancellationToken cancellationToken)
    {
        ObjectNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (gate)
        {
            return items.GetValueOrDefault(name);
        }
    }

    private ObjectEntry[] Entries(string prefix)
    {
        lock (gate)
        {
            return
            [
                .. items
                    .Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(item => new ObjectEntry(item.Key, item.Value.Content.Length, item.Value.ModifiedAt)),
            ];
        }
    }

    private string? Put(string name, ReadOnlyMemory<byte> content, Predicate<Item?> allowed, CancellationToken cancellationToken)
    {
        ObjectNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (gate)
        {
            if (!allowed(items.GetValueOrDefault(name)))
            {
                return null;
            }

            // Counted, not hashed: code that relies on equal etags for equal bytes must fail here.
            var etag = (++writes).ToString(CultureInfo.InvariantCulture);
            items[name] = new Item(content.ToArray(), etag, time.GetUtcNow());
            return etag;
        }
    }

    private sealed record Item(byte[] Content, string ETag, DateTimeOffset ModifiedAt);
}
