using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>
/// The folders of a directory store. Each is reached from the root name by name, and no name may be a symbolic link: a link that a user
/// puts into a store must not lead a silo out of it. The root itself may be one. Folders are named as in objects' names, without a slash at
/// the end.
/// </summary>
internal sealed class StoreFolders(string root)
{
    private readonly ConcurrentDictionary<string, bool> synced = new(StringComparer.Ordinal);

    public static string FolderOf(string name) => name.LastIndexOf('/') is > 0 and var slash ? name[..slash] : "";

    public static string LastOf(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <returns>Null where there is none; also where an object has the name of a folder on the way.</returns>
    /// <exception cref="InvalidDataException">Something on the way is neither.</exception>
    public SafeFileHandle? TryOpen(string folder)
    {
        var at = PosixAt.TryOpenDirectory(root);
        foreach (var (name, path) in Steps(folder))
        {
            if (at is null)
            {
                return null;
            }

            using var above = at;
            at = TryEnter(above, name, path);
        }

        return at;
    }

    /// <summary>Makes what is missing, durably.</summary>
    /// <exception cref="IOException">An object has the name of a folder on the way, or a folder vanished again: try again.</exception>
    /// <exception cref="InvalidDataException">Something on the way is neither.</exception>
    public SafeFileHandle Open(string folder)
    {
        var at = PosixAt.TryOpenDirectory(root) ?? throw Posix.Error($"open '{root}'", Posix.NoEntry);
        foreach (var (name, path) in Steps(folder))
        {
            using var above = at;
            var below = TryEnter(above, name, path);
            var made = below is null;
            if (below is null)
            {
                PosixAt.MakeDirectory(above, name);
                below =
                    TryEnter(above, name, path)
                    ?? throw Posix.Error(
                        $"make folder '{path}' in '{root}'",
                        PosixAt.KindOf(above, name) is FileKind.RegularFile ? Posix.NotADirectory : Posix.NoEntry
                    );
            }

            // The process that made the folder makes it durable; it may have died before that, so the first use in this process does so
            // too.
            if (made || !synced.ContainsKey(path))
            {
                Posix.SyncDirectory(above);
                synced[path] = true;
            }

            at = below;
        }

        return at;
    }

    /// <summary>Makes the appearance, replacement or disappearance of an object durable.</summary>
    public void Sync(string folder)
    {
        for (; ; folder = FolderOf(folder))
        {
            // Another process may have deleted the object since, and then the empty folder: then that deletion has to be durable.
            using var opened = TryOpen(folder);
            if (opened is not null || folder.Length == 0)
            {
                Posix.SyncDirectory(opened ?? throw Posix.Error($"open '{root}'", Posix.NoEntry));
                return;
            }
        }
    }

    /// <summary>Removes a folder that is empty, and those above it that then are.</summary>
    public void RemoveEmpty(string folder)
    {
        for (; folder.Length > 0; folder = FolderOf(folder))
        {
            using var above = TryOpen(FolderOf(folder));
            if (above is null || !PosixAt.TryRemoveDirectory(above, LastOf(folder)))
            {
                return;
            }

            synced.TryRemove(folder, out _);
        }
    }

    /// <returns>Null where nothing, or an object, has the name.</returns>
    /// <exception cref="InvalidDataException">Something else has.</exception>
    internal SafeFileHandle? TryEnter(SafeFileHandle above, string name, string path) =>
        PosixAt.TryOpenDirectory(above, name, out var kind) is { } found ? found
        : kind is null or FileKind.RegularFile or FileKind.Directory ? null
        : throw Strange(path, kind.Value);

    /// <summary>The exception about an entry that no store makes.</summary>
    internal InvalidDataException Strange(string name, FileKind kind) =>
        new(
            $"'{name}' in the store '{root}' is {Words(kind)}; expected a regular file or a folder. No store has made it, and nothing follows or opens it. Find out who did, and remove it."
        );

    private static string Words(FileKind kind) =>
        kind switch
        {
            FileKind.SymbolicLink => "a symbolic link",
            FileKind.Fifo => "a named pipe (fifo)",
            FileKind.Socket => "a socket",
            _ => "a device",
        };

    private static IEnumerable<(string Name, string Path)> Steps(string folder)
    {
        for (var begin = 0; begin < folder.Length; )
        {
            var end = folder.IndexOf('/', begin) is >= 0 and var slash ? slash : folder.Length;
            yield return (folder[begin..end], folder[..end]);
            begin = end + 1;
        }
    }
}
