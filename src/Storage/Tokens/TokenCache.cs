using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tokens;

/// <summary>
/// Objects that this machine has fetched from a store far away, data and teachers' weights, as files named by their SHA-256. All processes of a user share
/// it: an object is fetched once whoever asks first, and what has not been used for longest makes room for what comes.
/// </summary>
/// <param name="folder">Made when it is first needed.</param>
/// <param name="capacityBytes">Of all files together; exceeded only by files that are in use.</param>
public sealed class TokenCache(string folder, long capacityBytes, TimeProvider? time = null)
{
    // Hundreds of times upstream's 110 M tokens, and little beside a model's checkpoints.
    private const long DefaultCapacityBytes = 32L << 30;

    private static readonly TimeSpan LockPolling = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider time = time ?? TimeProvider.System;

    /// <summary>In <c>SLOWRUN_CACHE</c>, else in the user's cache directory (<c>XDG_CACHE_HOME</c>, or <c>~/.cache</c>).</summary>
    public static TokenCache OfMachine()
    {
        var own = Environment.GetEnvironmentVariable("SLOWRUN_CACHE");
        var users = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return new TokenCache(Path.Combine(own is { Length: > 0 } ? own : Path.Combine(users, "slowrun"), "data"), DefaultCapacityBytes);
    }

    /// <summary>Brings an object onto this machine if it is not there; verified while it is fetched.</summary>
    /// <returns>Its file, which may vanish until it is opened: ask again then.</returns>
    /// <exception cref="InvalidDataException">It is missing from the store or damaged there.</exception>
    /// <exception cref="IOException">The cache cannot be written to.</exception>
    public Task<string> FetchAsync(IObjectStore store, string sha256, CancellationToken cancellationToken = default) => FetchAsync(
        store, DataPaths.Of(sha256), sha256, _ => StoredTokenSets.Missing(sha256), (_, found) => StoredTokenSets.Damaged(sha256, found), cancellationToken);

    /// <summary>As above, of any immutable object whose bytes have that hash.</summary>
    /// <param name="missing">Of the object's name.</param>
    /// <param name="damaged">Of the object's name, and the hash that was found.</param>
    internal async Task<string> FetchAsync(
        IObjectStore store,
        string name,
        string sha256,
        Func<string, InvalidDataException> missing,
        Func<string, string, InvalidDataException> damaged,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ObjectNames.Check(name);
        var path = Path.Combine(folder, sha256);
        if (!TryTouch(path))
        {
            using var held = await LockAsync(sha256, cancellationToken).ConfigureAwait(false);
            // Whoever held the lock may have fetched it.
            if (!TryTouch(path))
            {
                var found = await store.TryOpenAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false) ?? throw missing(name);
                if (await FetchAsync(found, sha256, path, cancellationToken).ConfigureAwait(false) is { } other)
                {
                    throw damaged(name, other);
                }

                TryTouch(path);
                MakeRoom(path);
            }
        }

        return path;
    }

    /// <summary>Forgets an object that turned out to be damaged here.</summary>
    public void Drop(string sha256) => File.Delete(Path.Combine(folder, sha256));

    /// <returns>The hash that was found instead, where it is another: then there is no file.</returns>
    private static async Task<string?> FetchAsync(Stream found, string sha256, string path, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var temporary = new TemporaryFile($"{path}.{Guid.NewGuid():N}");
        var content = new HashingReadStream(found, hash.AppendData);
        await using (content.ConfigureAwait(false))
        {
            using var file = temporary.Create();
            var block = new byte[1 << 20];
            long written = 0;
            int read;
            while ((read = await content.ReadAsync(block, cancellationToken).ConfigureAwait(false)) > 0)
            {
                RandomAccess.Write(file, block.AsSpan(0, read), written);
                written += read;
            }
        }

        var hex = Convert.ToHexStringLower(hash.GetCurrentHash());
        if (hex != sha256)
        {
            return hex;
        }

        temporary.RenameTo(path);
        return null;
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
        var files = new DirectoryInfo(folder).GetFiles().Where(file => file.Name.Length == Path.GetFileName(newest).Length).OrderBy(file => file.LastAccessTimeUtc).ToList();
        var total = files.Sum(file => file.Length);
        foreach (var file in files.Where(file => file.FullName != Path.GetFullPath(newest)))
        {
            if (total <= capacityBytes)
            {
                return;
            }

            // Whoever has it open holds a shared lock, so that it is in use is seen here.
            using var held = Posix.TryLock(file.FullName, create: false);
            if (held is not null)
            {
                total -= file.Length;
                file.Delete();
            }
        }
    }

    private async Task<SafeFileHandle> LockAsync(string sha256, CancellationToken cancellationToken)
    {
        var locks = Path.Combine(folder, ".locks");
        try
        {
            Directory.CreateDirectory(locks);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The cache '{folder}' cannot be written to. Set SLOWRUN_CACHE to a directory where it can be.", e);
        }

        while (true)
        {
            // Never deleted: a lock on a deleted file excludes nobody.
            if (Posix.TryLock(Path.Combine(locks, sha256)) is { } handle)
            {
                return handle;
            }

            await Task.Delay(LockPolling, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }
}
