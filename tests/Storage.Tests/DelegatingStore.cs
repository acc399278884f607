namespace Slowrun.Storage.Tests;

/// <summary>A store that does around every operation of another what a test wants.</summary>
internal abstract class DelegatingStore(IObjectStore inner) : IObjectStore
{
    public string Address => inner.Address;

    protected IObjectStore Inner => inner;

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default) =>
        AroundAsync(new Operation("read", name), () => inner.TryReadAsync(name, cancellationToken));

    public Task<string?> TryReadETagAsync(string name, CancellationToken cancellationToken = default) =>
        AroundAsync(new Operation("read-etag", name), () => inner.TryReadETagAsync(name, cancellationToken));

    public Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default) =>
        AroundAsync(new Operation("open", name), () => inner.TryOpenAsync(name, offset, length, cancellationToken));

    public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        AroundAsync(
            new Operation("create", name, content, cancellationToken),
            () => inner.TryCreateAsync(name, content, cancellationToken)
        );

    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default) =>
        AroundAsync(
            new Operation("create", name, default, cancellationToken),
            () => inner.TryCreateAsync(name, content, cancellationToken)
        );

    public Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    ) => AroundAsync(new Operation("replace", name, content), () => inner.TryReplaceAsync(name, content, etag, cancellationToken));

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        AroundAsync(
            new Operation("write", name, content),
            async () =>
            {
                await inner.WriteAsync(name, content, cancellationToken).ConfigureAwait(false);
                return true;
            }
        );

    public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default) =>
        AroundAsync(new Operation("delete", name), () => inner.TryDeleteAsync(name, etag, cancellationToken));

    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
        AroundList(new Operation("list", prefix), inner.ListAsync(prefix, cancellationToken));

    public IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        AroundList(new Operation("list", prefix), inner.ListFoldersAsync(prefix, cancellationToken));

    protected abstract Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run);

    private async IAsyncEnumerable<T> AroundList<T>(Operation operation, IAsyncEnumerable<T> list)
    {
        foreach (var item in await AroundAsync(operation, async () => await list.ToListAsync().ConfigureAwait(false)).ConfigureAwait(false))
        {
            yield return item;
        }
    }

    internal sealed record Operation(
        string Kind,
        string Name,
        ReadOnlyMemory<byte> Content = default,
        CancellationToken Cancellation = default
    )
    {
        public override string ToString() => $"{Kind} {Name}";
    }
}
