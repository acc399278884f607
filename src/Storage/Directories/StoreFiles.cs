using System.Buffers;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>The files and folders of a directory store: the blocking half, one call one step.</summary>
internal sealed class StoreFiles
{
    private const int BlockBytes = 1 << 20;

    // Longer than any upload; a temporary file of a living writer is touched with every block.
    private static readonly TimeSpan Stale = TimeSpan.FromHours(1);

    private const string LocksName = ".locks";
    private const string TemporariesName = ".tmp";

    private readonly StoreFolders folders;
    private readonly StoreListing listing;

    // Dates of files are the machine's, whatever clock decides what is stale.
    private readonly TimeProvider time = TimeProvider.System;

    private StoreFiles(string root)
    {
        Root = root;
        folders = new StoreFolders(root);
        listing = new StoreListing(folders);
    }

    public string Root { get; }

    /// <summary>Lock files, one a shard.</summary>
    public string Locks => Path.Combine(Root, LocksName);

    // On the store's own file system, or link and rename could not move a file from here to its name.
    private string Temporaries => Path.Combine(Root, TemporariesName);

    public static StoreFiles Open(string root, bool create, TimeProvider time)
    {
        var files = new StoreFiles(root);
        try
        {
            if (File.Exists(root))
            {
                // A store that is read is missing; one that is made cannot be made there.
                throw new StoreException(
                    create ? StoreProblem.Unsuitable : StoreProblem.Missing,
                    $"'{root}' is a file; a store is a directory, azblob://account/container, s3://bucket/prefix, or gs://bucket/prefix."
                );
            }

            if (!create && !Directory.Exists(root))
            {
                throw files.Missing();
            }

            MakeRoot(root);
            if (FileSystemKind.Refusal(root) is { } kind)
            {
                throw new StoreException(
                    StoreProblem.Unsuitable,
                    $"The directory '{root}' is on {kind}, which machines share without the atomic links and locks that a "
                        + "store needs: two of them "
                        + "could both commit. Use a local disk for one machine, and azblob://account/container, "
                        + "s3://bucket/prefix or gs://bucket/prefix for several."
                );
            }

            files.MakeOwn(LocksName);
            files.MakeOwn(TemporariesName);
            files.Sweep(time.GetUtcNow() - Stale);
            return files;
        }
        catch (Exception e) when (files.Explained(e) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>Reads an object, and when it was written.</summary>
    public (byte[] Bytes, DateTimeOffset ModifiedAt)? TryRead(string name)
    {
        using var file = TryOpen(name);
        if (file is null)
        {
            return null;
        }

        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return (bytes, ModifiedAt(file));
    }

    /// <summary>Opens an object; what is opened stays what it is, since files are replaced and never written in place.</summary>
    /// <exception cref="InvalidDataException">No regular file has the name, nor is it reached through folders alone.</exception>
    public FileStream? TryOpen(string name)
    {
        using var folder = folders.TryOpen(StoreFolders.FolderOf(name));
        FileKind? kind = null;
        if (folder is not null && PosixAt.TryOpenFile(folder, StoreFolders.LastOf(name), out kind) is { } file)
        {
            return new FileStream(file, FileAccess.Read, bufferSize: 0);
        }

        if (kind is not (null or FileKind.Directory or FileKind.RegularFile))
        {
            throw folders.Strange(name, kind.Value);
        }

        // Without the store everything looks absent: a run would start from scratch.
        return Directory.Exists(Temporaries) ? null : throw Missing();
    }

    public static DateTimeOffset ModifiedAt(FileStream file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new DateTimeOffset(File.GetLastWriteTimeUtc(file.SafeFileHandle));
    }

    /// <summary>When what has the name was written; null: nothing has it.</summary>
    public DateTimeOffset? ModifiedAt(string name)
    {
        using var folder = folders.TryOpen(StoreFolders.FolderOf(name));
        return folder is null ? null : PosixAt.ModifiedAt(folder, StoreFolders.LastOf(name));
    }

    /// <summary>Whether anything but a folder has the name.</summary>
    public bool Exists(string name)
    {
        using var folder = folders.TryOpen(StoreFolders.FolderOf(name));
        return folder is not null && PosixAt.KindOf(folder, StoreFolders.LastOf(name)) is not (null or FileKind.Directory);
    }

    public async Task<TemporaryFile> WriteTemporaryAsync(Stream content, CancellationToken cancellationToken)
    {
        var temporary = new TemporaryFile(
            Path.Combine(Temporaries, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Guid.NewGuid():N}"))
        );
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            using var file = temporary.Create();
            if (content.CanSeek)
            {
                Posix.Reserve(file, content.Length - content.Position, temporary.Path);
            }

            long written = 0;
            int read;
            while ((read = await content.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                RandomAccess.Write(file, buffer.AsSpan(0, read), written);
                written += read;
            }

            // The kernel's own date moves in steps of some milliseconds.
            temporary.Date(file, time.GetUtcNow());
            Posix.SyncFile(file, temporary.Path);
            return temporary;
        }
        catch
        {
            temporary.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Gives a temporary file its name unless something has it.</summary>
    public bool TryLink(TemporaryFile temporary, string name) =>
        InFolder(
            name,
            (folder, last) =>
                PosixAt.TryLink(temporary.Path, folder, last)
                || (
                    PosixAt.KindOf(folder, last) is FileKind.Directory
                        ? throw new IOException($"'{name}' cannot be an object: it is a folder of objects.")
                        : false
                )
        );

    /// <summary>Gives a temporary file its name, whatever had it.</summary>
    public void Rename(TemporaryFile temporary, string name) =>
        InFolder(
            name,
            (folder, last) =>
            {
                temporary.RenameTo(folder, last);
                return true;
            }
        );

    /// <summary>Gives a temporary file the name of an object that was there just now. Not yet durable:
    /// <see cref="SyncFolderOf"/>.</summary>
    public void Replace(TemporaryFile temporary, string name)
    {
        using var folder = folders.Open(StoreFolders.FolderOf(name));
        temporary.RenameTo(folder, StoreFolders.LastOf(name));
    }

    /// <summary>Makes an object's appearance, replacement or disappearance durable.</summary>
    public void SyncFolderOf(string name) => folders.Sync(StoreFolders.FolderOf(name));

    /// <summary>Removes what has the name: the link itself where it is one. False where nothing has, or a folder.</summary>
    public bool TryDelete(string name)
    {
        var path = StoreFolders.FolderOf(name);
        using (var folder = folders.TryOpen(path))
        {
            if (folder is null || !PosixAt.TryDelete(folder, StoreFolders.LastOf(name)))
            {
                return false;
            }

            Posix.SyncDirectory(folder);
        }

        folders.RemoveEmpty(path);
        return true;
    }

    public IReadOnlyList<ObjectEntry> List(string prefix) => Present(listing.List(prefix));

    public IReadOnlyList<string> ListNames(string prefix) => Present(listing.ListNames(prefix));

    public IReadOnlyList<string> ListFolders(string prefix) => Present(listing.ListFolders(prefix));

    /// <summary>The exception that tells a user what is wrong with the store; null where <paramref name="e"/> is not about it.</summary>
    public StoreException? Explained(Exception e) =>
        (e, (e.InnerException ?? e).HResult & 0xFFFF) switch
        {
            (StoreException, _) => null,
            (IOException, Posix.NoSpace or Posix.QuotaExceeded) => new StoreException(
                StoreProblem.Full,
                $"There is no space left for the store '{Root}' ({e.Message}) Free some; nothing committed is lost.",
                e
            ),
            (IOException or UnauthorizedAccessException, Posix.ReadOnlyFileSystem) => new StoreException(
                StoreProblem.ReadOnly,
                $"The store '{Root}' is on a file system mounted read-only ({e.Message}) Remount it for writing.",
                e
            ),
            (UnauthorizedAccessException, _) or (IOException, Posix.AccessDenied) => new StoreException(
                StoreProblem.Denied,
                $"The store '{Root}' does not allow this user to write or read it ({e.Message}) Change its owner or permissions.",
                e
            ),
            (IOException, Posix.NotADirectory) => new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{Root}' is not a directory, or something in it that should be one is not ({e.Message})",
                e
            ),
            (DirectoryNotFoundException, _) when !Directory.Exists(Temporaries) => Missing(),
            (IOException, Posix.NoEntry) when !Directory.Exists(Temporaries) => Missing(),
            _ => null,
        };

    private StoreException Missing() =>
        new(StoreProblem.Missing, $"There is no store at '{Root}'. Check --store, or start a run there: that creates it.");

    private void Sweep(DateTimeOffset before)
    {
        foreach (var file in new DirectoryInfo(Temporaries).EnumerateFiles())
        {
            if (file.LastWriteTimeUtc < before.UtcDateTime)
            {
                file.Delete();
            }
        }
    }

    /// <summary>A store that is gone looks empty too.</summary>
    private IReadOnlyList<T> Present<T>(IReadOnlyList<T> found) =>
        found.Count > 0 || Directory.Exists(Temporaries) ? found : throw Missing();

    private T InFolder<T>(string name, Func<SafeFileHandle, string, T> work)
    {
        for (var tries = 1; ; tries++)
        {
            T result;
            try
            {
                using var folder = folders.Open(StoreFolders.FolderOf(name));
                result = work(folder, StoreFolders.LastOf(name));
            }
            catch (IOException e) when (e.HResult == Posix.NoEntry && tries < 100 && Directory.Exists(Temporaries))
            {
                // The folder's last object was deleted, and the folder with it, while we made sure that it exists.
                continue;
            }

            SyncFolderOf(name);
            return result;
        }
    }

    /// <summary>The root, which its owner alone may enter where it is made here; those above it are the user's.</summary>
    private static void MakeRoot(string root)
    {
        if (!Directory.Exists(root) && Path.GetDirectoryName(root) is { } parent)
        {
            MakeAbove(parent, root);
            PrivateFolders.Make(root);
            Posix.SyncDirectory(parent);
        }
    }

    private static void MakeAbove(string folder, string root)
    {
        if (File.Exists(folder))
        {
            throw new StoreException(
                StoreProblem.Unsuitable,
                $"'{folder}' is a file, so there can be no store at '{root}'. Name a directory, or a place for a new one."
            );
        }

        if (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent)
        {
            MakeAbove(parent, root);
            Directory.CreateDirectory(folder);
            Posix.SyncDirectory(parent);
        }
    }

    private void MakeOwn(string name)
    {
        try
        {
            folders.Open(name).Dispose();
        }
        catch (InvalidDataException e)
        {
            throw new StoreException(StoreProblem.Unsuitable, e.Message, e);
        }
    }
}
