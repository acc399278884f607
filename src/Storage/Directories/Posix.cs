using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>The system calls that the directory store's promises rest on and .NET does not offer. Linux, 64 bit.</summary>
internal static partial class Posix
{
    public const int NoEntry = 2;
    public const int AccessDenied = 13;
    public const int Exists = 17;
    public const int NotADirectory = 20;
    public const int NoSpace = 28;
    public const int ReadOnlyFileSystem = 30;
    public const int QuotaExceeded = 122;

    private const int WouldBlock = 11;
    private const int Interrupted = 4;
    private const int InvalidArgument = 22;
    private const int NotSupported = 95;

    private const int ReadWrite = 0x2;
    private const int Create = 0x40;
    private const int Directory = 0x10000;
    private const int NoFollow = 0x20000;
    private const int CloseOnExec = 0x80000;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;

    /// <summary>Moves a file over whatever file has the name: readers see the old one or the new one, whole.</summary>
    public static void Rename(string from, string to) => Check(rename(from, to), $"rename '{from}' to '{to}'");

    /// <summary>Makes the entries of a directory (creations, renames, removals) survive a loss of power.</summary>
    public static void SyncDirectory(string path)
    {
        using var handle = open(path, Directory | CloseOnExec, 0);
        Check(handle.IsInvalid ? -1 : 0, $"open directory '{path}'");
        Check(fsync(handle), $"fsync directory '{path}'");
    }

    /// <summary>As above, of an open directory.</summary>
    public static void SyncDirectory(SafeFileHandle folder) => Check(fsync(folder), "fsync a directory");

    /// <summary>Makes the bytes of a file survive a loss of power.</summary>
    public static void SyncFile(SafeFileHandle file, string path) => Check(fsync(file), $"fsync '{path}'");

    /// <summary>Takes the space a file will need; a full disk shows here, before anything is copied.</summary>
    public static void Reserve(SafeFileHandle file, long lengthBytes, string path)
    {
        // Returns the error instead of setting errno. A file system without preallocation works as well.
        var error = lengthBytes == 0 ? 0 : posix_fallocate(file, 0, lengthBytes);
        if (error is not (0 or InvalidArgument or NotSupported or Interrupted))
        {
            throw Error($"reserve {lengthBytes} bytes for '{path}'", error);
        }
    }

    /// <summary>Opens and locks a lock file without waiting; null where another process holds it. Disposing unlocks, as does a process's
    /// death.</summary>
    /// <param name="create">Whether a file that is not there is made; otherwise it counts as held.</param>
    public static SafeFileHandle? TryLock(string path, bool create = true)
    {
        var handle = open(path, ReadWrite | (create ? Create : 0) | NoFollow | CloseOnExec, 0b110_000_000);
        if (handle.IsInvalid && !create && Marshal.GetLastPInvokeError() == NoEntry)
        {
            return null;
        }

        Check(handle.IsInvalid ? -1 : 0, $"open lock file '{path}'");
        while (flock(handle, LockExclusive | LockNonBlocking) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                handle.Dispose();
                return error == WouldBlock ? null : throw Error($"lock '{path}'", error);
            }
        }

        return handle;
    }

    /// <summary>The magic number of the file system that holds <paramref name="path"/> (statfs(2), f_type).</summary>
    public static long FileSystemMagic(string path)
    {
        // struct statfs has 120 bytes; f_type is the first 8.
        Span<byte> buffer = stackalloc byte[256];
        Check(statfs(path, buffer), $"statfs '{path}'");
        return BinaryPrimitives.ReadInt64LittleEndian(buffer);
    }

    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            throw Error(what);
        }
    }

    internal static IOException Error(string what) => Error(what, Marshal.GetLastPInvokeError());

    internal static IOException Error(string what, int error) => new($"Cannot {what}: {new Win32Exception(error).Message}.", error);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    [LibraryImport("libc")]
    private static partial int posix_fallocate(SafeFileHandle file, long offset, long length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statfs(string path, Span<byte> buffer);
}
