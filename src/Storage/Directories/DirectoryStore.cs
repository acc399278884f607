using System.Globalization;
using System.Runtime.CompilerServices;

namespace Slowrun.Storage.Directories;

/// <summary>
/// A store in a directory of one machine: any number of processes may use it at once, and what it has acknowledged survives a loss
/// of power. An object is a file; it gets its name by link(2) (create) or rename under a lock (replace), so it is whole or absent. Its etag
/// is the hash of its content and its file's date, which no two writes of an object share: equal bytes written again are another object,
/// and so are others put there by hand.
/// </summary>
public sealed class DirectoryStore : IObjectStore, ILocalFiles
{
    private readonly StoreFiles files;
    private readonly ShardLocks locks;

    private DirectoryStore(string address, StoreFiles files, ShardLocks locks) =>
        (Address, this.files, this.locks) = (address, files, locks);

    public string Address { get; }

    /// <param name="path">The directory.</param>
    /// <param name="create">Makes it if it is not there; otherwise that is an error.</param>
    /// <exception cref="StoreException">Missing, not writable, or on a file system that several machines share.</exception>
    public static DirectoryStore Open(string path, bool create = true, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        time ??= TimeProvider.System;
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var files = StoreFiles.Open(root, create, time);
        return new DirectoryStore(path, files, new ShardLocks(files.Locks, time));
    }

    public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default) =>
        RunAsync(
            name,
            () =>
                files.TryRead(name) is { } found
                    ? new StoredObject(found.Bytes, ETagOf(found.Bytes, found.ModifiedAt), found.ModifiedAt)
                    : null,
            cancellationToken
        );

    public Task<string?> TryReadETagAsync(string name, CancellationToken cancellationToken = default) =>
        RunAsync(name, () => TryETagAsync(name, cancellationToken), cancellationToken);

    public Task<Stream?> TryOpenAsync(string name, long offset = 0, long? length = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return RunAsync(name, () => files.TryOpen(name) is { } file ? SliceStream.Of(file, offset, length) : null, cancellationToken);
    }

    public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        RunAsync(
            name,
            async () =>
            {
                // Most creations that fail find the object there already: no need to write anything for them.
                if (files.Exists(name))
                {
                    return null;
                }

                using var temporary = await files
                    .WriteTemporaryAsync(new MemoryBlocksStream(content), cancellationToken)
                    .ConfigureAwait(false);
                return files.TryLink(temporary, name) ? ETagOf(content.Span, temporary.ModifiedAt) : null;
            },
            cancellationToken
        );

    public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        return RunAsync(
            name,
            async () =>
            {
                if (files.Exists(name))
                {
                    return false;
                }

                using var temporary = await files.WriteTemporaryAsync(content, cancellationToken).ConfigureAwait(false);
                return files.TryLink(temporary, name);
            },
            cancellationToken
        );
    }

    public Task<string?> TryReplaceAsync(
        string name,
        ReadOnlyMemory<byte> content,
        string etag,
        CancellationToken cancellationToken = default
    ) =>
        RunAsync(
            name,
            async () =>
            {
                // A writer whose etag is already old need not write.
                if (files.TryRead(name) is not { } now || ETagOf(now.Bytes, now.ModifiedAt) != etag)
                {
                    return null;
                }

                // Written before the lock is taken, so that the lock is held for microseconds: a process stopped by SIGSTOP while it
                // holds one stops the others too.
                using var temporary = await files
                    .WriteTemporaryAsync(new MemoryBlocksStream(content), cancellationToken)
                    .ConfigureAwait(false);
                using (await locks.EnterAsync(name, cancellationToken).ConfigureAwait(false))
                {
                    if (files.TryRead(name) is not { } old || ETagOf(old.Bytes, old.ModifiedAt) != etag)
                    {
                        return null;
                    }

                    temporary.DateAfter(old.ModifiedAt);
                    files.Replace(temporary, name);
                }

                // A process that reads the new content before this returns is on this machine, and loses power with it.
                files.SyncFolderOf(name);
                return ETagOf(content.Span, temporary.ModifiedAt);
            },
            cancellationToken
        );

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        RunAsync(
            name,
            async () =>
            {
                using var temporary = await files
                    .WriteTemporaryAsync(new MemoryBlocksStream(content), cancellationToken)
                    .ConfigureAwait(false);
                using (await locks.EnterAsync(name, cancellationToken).ConfigureAwait(false))
                {
                    if (files.ModifiedAt(name) is { } replaced)
                    {
                        temporary.DateAfter(replaced);
                    }

                    files.Rename(temporary, name);
                }

                return true;
            },
            cancellationToken
        );

    public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default) =>
        RunAsync(
            name,
            async () =>
            {
                using (await locks.EnterAsync(name, cancellationToken).ConfigureAwait(false))
                {
                    return (etag is null || await TryETagAsync(name, cancellationToken).ConfigureAwait(false) == etag)
                        && files.TryDelete(name);
                }
            },
            cancellationToken
        );

    public async IAsyncEnumerable<ObjectEntry> ListAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckPrefix(prefix);
        foreach (var entry in await RunAsync(() => Task.FromResult(files.List(prefix)), cancellationToken).ConfigureAwait(false))
        {
            yield return entry;
        }
    }

    public async IAsyncEnumerable<string> ListFoldersAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckFolder(prefix);
        foreach (var folder in await RunAsync(() => Task.FromResult(files.ListFolders(prefix)), cancellationToken).ConfigureAwait(false))
        {
            yield return folder;
        }
    }

    public async IAsyncEnumerable<string> ListNamesAsync(
        string prefix,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ObjectNames.CheckPrefix(prefix);
        foreach (var name in await RunAsync(() => Task.FromResult(files.ListNames(prefix)), cancellationToken).ConfigureAwait(false))
        {
            yield return name;
        }
    }

    public FileStream? TryOpenFile(string name)
    {
        ObjectNames.Check(name);
        try
        {
            return files.TryOpen(name);
        }
        catch (Exception e) when (files.Explained(e) is { } explained)
        {
            throw explained;
        }
    }

    private static string ETagOf(ReadOnlySpan<byte> content, DateTimeOffset modifiedAt) => ETagOf(ContentHash.Of(content), modifiedAt);

    private static string ETagOf(string xxHash128, DateTimeOffset modifiedAt) =>
        string.Create(CultureInfo.InvariantCulture, $"{xxHash128}-{modifiedAt.UtcTicks:x}");

    /// <summary>The etag of what may be greater than memory.</summary>
    private async Task<string?> TryETagAsync(string name, CancellationToken cancellationToken)
    {
        var file = files.TryOpen(name);
        if (file is null)
        {
            return null;
        }

        await using (file.ConfigureAwait(false))
        {
            return ETagOf(await ContentHash.OfAsync(file, cancellationToken).ConfigureAwait(false), StoreFiles.ModifiedAt(file));
        }
    }

    private Task<T> RunAsync<T>(string name, Func<T> work, CancellationToken cancellationToken) =>
        RunAsync(name, () => Task.FromResult(work()), cancellationToken);

    private Task<T> RunAsync<T>(string name, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        ObjectNames.Check(name);
        return RunAsync(work, cancellationToken);
    }

    // File calls block: on the pool, so that a grain that awaits them keeps its scheduler free.
    private Task<T> RunAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken) =>
        Task.Run(
            async () =>
            {
                try
                {
                    return await work().ConfigureAwait(false);
                }
                catch (Exception e) when (files.Explained(e) is { } explained)
                {
                    throw explained;
                }
            },
            cancellationToken
        );
}
