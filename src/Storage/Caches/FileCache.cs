using Microsoft.Win32.SafeHandles;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Caches;

/// <summary>
/// Immutable objects that this machine has fetched from a store far away, as files named by their hashes. All processes of a user share it:
/// an object is fetched once, and the objects that were not used for the longest time make room for new ones.
/// </summary>
/// <param name="folder">Made when it is first needed.</param>
/// <param name="capacityBytes">Of all files together; exceeded only by files that are in use.</param>
public sealed class FileCache(string folder, long capacityBytes, TimeProvider? time = null)
{
    private const int BlockBytes = 1 << 20;

    private static readonly TimeSpan LockPolling = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider time = time ?? TimeProvider.System;

    /// <summary>In <c>SLOWRUN_CACHE</c>, else in the user's cache directory (<c>XDG_CACHE_HOME</c>, or <c>~/.cache</c>).</summary>
    /// <param name="kind">A folder of its own for each kind of object.</param>
    public static FileCache OfMachine(string kind, long capacityBytes) => new(FolderOfMachine(kind), capacityBytes);

    /// <summary>Where <see cref="OfMachine"/> keeps a kind.</summary>
    public static string FolderOfMachine(string kind)
    {
        var own = Environment.GetEnvironmentVariable("SLOWRUN_CACHE");
        var users = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(own is { Length: > 0 } ? own : Path.Combine(users, "slowrun"), kind);
    }

    /// <summary>Opens a file for a reader; while it is open, other processes see that it is in use.</summary>
    internal static FileStream OpenShared(string path) => PosixAt.OpenShared(path);

    /// <summary>Brings an object onto this machine if it is not there.</summary>
    /// <param name="hash">The file's name: of one length for all objects of the cache.</param>
    /// <param name="open">Opens the object in its store.</param>
    /// <param name="verify">Called once all of it was read; throws where it is not what it should be, and then nothing is kept.</param>
    /// <returns>Its file, which may vanish until it is opened: ask again then.</returns>
    /// <exception cref="IOException">The cache cannot be written to.</exception>
    public async Task<string> FetchAsync(string hash, Func<Task<Stream>> open, Action verify, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(open);
        ArgumentNullException.ThrowIfNull(verify);
        ObjectNames.Check(hash);
        var path = Path.Combine(folder, hash);
        if (!TryTouch(path))
        {
            using var held = await LockAsync(hash, cancellationToken).ConfigureAwait(false);
            // The process that held the lock may have fetched it.
            if (!TryTouch(path))
            {
                await CopyAsync(path, open, verify, cancellationToken).ConfigureAwait(false);
                TryTouch(path);
                MakeRoom(path);
            }
        }

        return path;
    }

    /// <summary>Forgets an object that turned out to be damaged here.</summary>
    public void Drop(string hash) => File.Delete(Path.Combine(folder, hash));

    private static async Task CopyAsync(string path, Func<Task<Stream>> open, Action verify, CancellationToken cancellationToken)
    {
        using var temporary = new TemporaryFile($"{path}.{Guid.NewGuid():N}");
        var content = await open().ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            using var file = temporary.Create();
            var block = new byte[BlockBytes];
            long written = 0;
            int read;
            while ((read = await content.ReadAsync(block, cancellationToken).ConfigureAwait(false)) > 0)
            {
                RandomAccess.Write(file, block.AsSpan(0, read), written);
                written += read;
            }
        }

        verify();
        temporary.RenameTo(path);
    }

    /// <summary>Marks a file as used now; false where there is none.</summary>
    private bool TryTouch(string path)
    {
        try
        {
            // Not left to the file system, which may be mounted without access times.
            File.SetLastAccessTimeUtc(path, time.GetUtcNow().UtcDateTime);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    private void MakeRoom(string newest)
    {
        var files = new DirectoryInfo(folder)
            .GetFiles()
            .Where(file => file.Name.Length == Path.GetFileName(newest).Length)
            .OrderBy(file => file.LastAccessTimeUtc)
            .ToList();
        var total = files.Sum(file => file.Length);
        foreach (var file in files.Where(file => file.FullName != Path.GetFullPath(newest)))
        {
            if (total <= capacityBytes)
            {
                return;
            }

            // Each reader that has it open holds a shared lock, so that this lock fails.
            using var held = Posix.TryLock(file.FullName, create: false);
            if (held is not null)
            {
                total -= file.Length;
                file.Delete();
            }
        }
    }

    private async Task<SafeFileHandle> LockAsync(string hash, CancellationToken cancellationToken)
    {
        var locks = Path.Combine(folder, ".locks");
        try
        {
            PrivateFolders.Make(folder);
            PrivateFolders.Make(locks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The cache '{folder}' cannot be written to. Set SLOWRUN_CACHE to a directory where it can be.", e);
        }

        while (true)
        {
            // Never deleted: a lock on a deleted file excludes no process.
            if (Posix.TryLock(Path.Combine(locks, hash)) is { } handle)
            {
                return handle;
            }

            await Task.Delay(LockPolling, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }
}
