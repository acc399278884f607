using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;

namespace Slowrun.Storage.Directories;

/// <summary>The files and folders of a directory store: the blocking half, one call one step.</summary>
internal sealed class StoreFiles
{
    private const int BlockBytes = 1 << 20;

    // Longer than any upload; a temporary file of a living writer is touched with every block.
    private static readonly TimeSpan Stale = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, bool> syncedParents = new(StringComparer.Ordinal);

    private StoreFiles(string root) => Root = root;

    public string Root { get; }

    /// <summary>Lock files, one a shard.</summary>
    public string Locks => Path.Combine(Root, ".locks");

    // On the store's own file system, or link and rename could not move a file from here to its name.
    private string Temporaries => Path.Combine(Root, ".tmp");

    public static StoreFiles Open(string root, bool create, TimeProvider time)
    {
        var files = new StoreFiles(root);
        try
        {
            if (!create && !Directory.Exists(root))
            {
                throw files.Missing();
            }

            if (File.Exists(root))
            {
                throw new StoreException(StoreProblem.Unsuitable, $"'{root}' is a file; a store is a directory, or azblob://account/container.");
            }

            files.MakeDirectory(root);
            if (FileSystemKind.Refusal(root) is { } kind)
            {
                throw new StoreException(
                    StoreProblem.Unsuitable,
                    $"The directory '{root}' is on {kind}, which machines share without the atomic links and locks that a store needs: two of them "
                    + "could both commit. Use a local disk for one machine, or azblob://account/container for several.");
            }

            files.MakeDirectory(files.Locks);
            files.MakeDirectory(files.Temporaries);
            files.Sweep(time.GetUtcNow() - Stale);
            return files;
        }
        catch (Exception e) when (files.Explained(e) is { } explained)
        {
            throw explained;
        }
    }

    public byte[]? TryReadBytes(string path) => TryReadDated(path)?.Bytes;

    /// <summary>As <see cref="TryReadBytes"/>, and when they were written.</summary>
    public (byte[] Bytes, DateTimeOffset ModifiedAt)? TryReadDated(string path)
    {
        using var file = TryOpen(path);
        if (file is null)
        {
            return null;
        }

        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return (bytes, new DateTimeOffset(File.GetLastWriteTimeUtc(file.SafeFileHandle)));
    }

    /// <summary>Opens an object; what is opened stays what it is, since files are replaced and never written in place.</summary>
    public FileStream? TryOpen(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or { HResult: Posix.NotADirectory } || Directory.Exists(path))
        {
            // Without the store everything looks absent: a run would start from scratch.
            return Directory.Exists(Temporaries) ? null : throw Missing();
        }
    }

    public async Task<TemporaryFile> WriteTemporaryAsync(Stream content, CancellationToken cancellationToken)
    {
        var temporary = new TemporaryFile(Path.Combine(Temporaries, string.Create(
            CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Guid.NewGuid():N}")));
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
    public bool TryLink(TemporaryFile temporary, string path)
    {
        var linked = InFolder(path, () => Posix.TryLink(temporary.Path, path));
        return linked || !Directory.Exists(path) ? linked : throw new IOException($"'{path}' cannot be an object: it is a folder of objects.");
    }

    /// <summary>Gives a temporary file its name, whatever had it.</summary>
    public void Rename(TemporaryFile temporary, string path) => InFolder(path, () =>
    {
        temporary.RenameTo(path);
        return true;
    });

    /// <summary>Makes an object's appearance, replacement or disappearance durable.</summary>
    public void SyncFolderOf(string path)
    {
        for (var folder = Path.GetDirectoryName(path)!; ; folder = Path.GetDirectoryName(folder)!)
        {
            try
            {
                Posix.SyncDirectory(folder);
                return;
            }
            catch (IOException e) when (e.HResult == Posix.NoEntry && folder != Root)
            {
                // Somebody deleted the object since, and then the empty folder: that is what has to last now.
            }
        }
    }

    public void Delete(string path)
    {
        File.Delete(path);
        SyncFolderOf(path);
        var folder = Path.GetDirectoryName(path)!;
        while (folder != Root && Posix.TryRemoveDirectory(folder))
        {
            syncedParents.TryRemove(folder, out _);
            folder = Path.GetDirectoryName(folder)!;
        }
    }

    public IReadOnlyList<ObjectEntry> List(string prefix)
    {
        var folder = prefix[..(prefix.LastIndexOf('/') + 1)];
        var entries = new List<ObjectEntry>();
        foreach (var file in Files(folder).Where(file => file.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            // One that is deleted meanwhile counts as deleted before.
            if (file.Info.Exists)
            {
                entries.Add(new ObjectEntry(file.Name, file.Info.Length, file.Info.LastWriteTimeUtc));
            }
        }

        entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return entries;
    }

    public IReadOnlyList<string> ListFolders(string prefix) =>
        [.. Entries(prefix).OfType<DirectoryInfo>().Where(folder => Files(prefix + folder.Name + "/").Any()).Select(folder => folder.Name)
            .Order(StringComparer.Ordinal)];

    /// <summary>The exception that tells a user what is wrong with the store; null where <paramref name="e"/> is not about it.</summary>
    public StoreException? Explained(Exception e) => (e, (e.InnerException ?? e).HResult & 0xFFFF) switch
    {
        (StoreException, _) => null,
        (IOException, Posix.NoSpace or Posix.QuotaExceeded) => new StoreException(
            StoreProblem.Full, $"There is no space left for the store '{Root}' ({e.Message}) Free some; nothing committed is lost.", e),
        (IOException or UnauthorizedAccessException, Posix.ReadOnlyFileSystem) => new StoreException(
            StoreProblem.ReadOnly, $"The store '{Root}' is on a file system mounted read-only ({e.Message}) Remount it for writing.", e),
        (UnauthorizedAccessException, _) or (IOException, Posix.AccessDenied) => new StoreException(
            StoreProblem.Denied, $"The store '{Root}' does not allow this user to write or read it ({e.Message}) Change its owner or permissions.", e),
        (IOException, Posix.NotADirectory) => new StoreException(
            StoreProblem.Unsuitable, $"The store '{Root}' is not a directory, or something in it that should be one is not ({e.Message})", e),
        (DirectoryNotFoundException, _) when !Directory.Exists(Temporaries) => Missing(),
        (IOException, Posix.NoEntry) when !Directory.Exists(Temporaries) => Missing(),
        _ => null,
    };

    private StoreException Missing() => new(
        StoreProblem.Missing, $"There is no store at '{Root}'. Check --store, or start a run there: that creates it.");

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

    private T InFolder<T>(string path, Func<T> work)
    {
        var folder = Path.GetDirectoryName(path)!;
        for (var tries = 1; ; tries++)
        {
            T result;
            try
            {
                MakeDirectory(folder);
                result = work();
            }
            catch (IOException e) when ((e is DirectoryNotFoundException || e.HResult == Posix.NoEntry) && tries < 100 && Directory.Exists(Temporaries))
            {
                // The folder's last object was deleted, and the folder with it, while we made sure that it exists.
                continue;
            }

            SyncFolderOf(path);
            return result;
        }
    }

    private void MakeDirectory(string folder)
    {
        var parent = Path.GetDirectoryName(folder);
        if (parent is null)
        {
            return;
        }

        var exists = Directory.Exists(folder);
        if (!exists)
        {
            MakeDirectory(parent);
            Directory.CreateDirectory(folder);
        }

        // Who made the folder makes it durable; but it may have died before, so the first use in this process does so too. Above the
        // store's own directory nothing is ours, nor perhaps readable.
        var ours = folder.Length > Root.Length;
        if (!exists || (ours && !syncedParents.ContainsKey(folder)))
        {
            if (ours)
            {
                MakeDirectory(parent);
            }

            Posix.SyncDirectory(parent);
            syncedParents[folder] = true;
        }
    }

    private IEnumerable<(string Name, FileInfo Info)> Files(string prefix) => Entries(prefix).SelectMany(entry => entry switch
    {
        FileInfo file => [(prefix + file.Name, file)],
        _ => Files(prefix + entry.Name + "/"),
    });

    private FileSystemInfo[] Entries(string prefix)
    {
        try
        {
            return [.. new DirectoryInfo(Path.Combine(Root, prefix)).EnumerateFileSystemInfos().Where(entry => ObjectNames.IsSegment(entry.Name))];
        }
        catch (DirectoryNotFoundException) when (Directory.Exists(Temporaries))
        {
            return [];
        }
    }
}
