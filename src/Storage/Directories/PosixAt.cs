using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Slowrun.Storage.Directories;

/// <summary>The kind of the entry that has a name in a directory.</summary>
internal enum FileKind
{
    RegularFile,
    Directory,
    SymbolicLink,

    /// <summary>A named pipe: opening one waits for a writer.</summary>
    Fifo,
    Socket,
    Device,
}

/// <summary>
/// System calls that take a name in an open directory, and follow no symbolic link: between a look at a path and its use, another process
/// may put a link there. Linux, 64 bit.
/// </summary>
internal static partial class PosixAt
{
    // linux/fcntl.h, x86-64.
    private const int ReadOnly = 0;
    private const int WriteOnly = 0x1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int NonBlocking = 0x800;
    private const int Directory = 0x10000;
    private const int NoFollow = 0x20000;
    private const int CloseOnExec = 0x80000;

    private const int CurrentDirectory = -100;
    private const int NoFollowAt = 0x100;
    private const int RemoveDirectory = 0x200;
    private const int EmptyPath = 0x1000;
    private const uint StatType = 0x1;
    private const uint StatModified = 0x40;
    private const int SetFlags = 4;

    private const int LockShared = 1;
    private const int LockNonBlocking = 4;

    private const int NoSuchDevice = 6;
    private const int NotPermitted = 1;
    private const int IsADirectory = 21;
    private const int TooManyLinks = 40;

    private const uint OwnersFile = 0b110_000_000;
    private const uint OwnersDirectory = 0b111_000_000;

    /// <summary>Opens a directory by its path; links on the way are the user's own. Null where there is none.</summary>
    public static SafeFileHandle? TryOpenDirectory(string path) =>
        Opened(open(path, ReadOnly | Directory | CloseOnExec, 0), $"open directory '{path}'", Posix.NoEntry, out _);

    /// <summary>Opens a directory in another. Null where nothing has the name, or something else has: then <paramref name="kind"/> says
    /// what.</summary>
    public static SafeFileHandle? TryOpenDirectory(SafeFileHandle folder, string name, out FileKind? kind)
    {
        kind = null;
        var opened = Opened(
            openat(folder, name, ReadOnly | Directory | NoFollow | CloseOnExec, 0),
            $"open directory '{name}'",
            [Posix.NoEntry, Posix.NotADirectory, TooManyLinks],
            out var error
        );
        if (opened is null && error != Posix.NoEntry)
        {
            kind = KindOf(folder, name);
        }

        return opened;
    }

    /// <summary>Opens a regular file for reading, without waiting. Null where nothing has the name, or something else has: then <paramref
    /// name="kind"/> says what.</summary>
    public static SafeFileHandle? TryOpenFile(SafeFileHandle folder, string name, out FileKind? kind)
    {
        kind = null;
        // Without NonBlocking the opening of a pipe would wait for a writer, for ever.
        var opened = Opened(
            openat(folder, name, ReadOnly | NonBlocking | NoFollow | CloseOnExec, 0),
            $"open '{name}'",
            [Posix.NoEntry, TooManyLinks, NoSuchDevice],
            out var error
        );
        if (opened is null)
        {
            kind = error == Posix.NoEntry ? null : KindOf(folder, name);
            return null;
        }

        kind = KindOf(opened, "");
        if (kind is FileKind.RegularFile)
        {
            // .NET takes a handle that does not block for one of asynchronous input.
            _ = fcntl(opened, SetFlags, 0);
            return opened;
        }

        opened.Dispose();
        return null;
    }

    /// <summary>Opens a regular file of a cache for reading; while it is open, <see cref="Posix.TryLock"/> shows that it is in
    /// use.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="IOException">It is no regular file, or being deleted.</exception>
    public static FileStream OpenShared(string path)
    {
        var file =
            Opened(open(path, ReadOnly | NonBlocking | NoFollow | CloseOnExec, 0), $"open '{path}'", Posix.NoEntry, out _)
            ?? throw new FileNotFoundException($"'{path}' is not there.", path);
        try
        {
            if (KindOf(file, "") is not FileKind.RegularFile)
            {
                throw new IOException($"'{path}' is not a regular file, so Slowrun has not made it. Remove it.");
            }

            _ = fcntl(file, SetFlags, 0);
            Done(flock(file, LockShared | LockNonBlocking), $"share '{path}'");
            return new FileStream(file, FileAccess.Read, bufferSize: 0);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Creates a file that only its owner reads and writes; fails where the name is taken, by a link too.</summary>
    public static SafeFileHandle CreateFile(string path) =>
        Opened(open(path, WriteOnly | Create | Exclusive | NoFollow | CloseOnExec, OwnersFile), $"create '{path}'", [], out _)!;

    /// <summary>What has the name; null: nothing.</summary>
    /// <param name="name">Empty: the opened file itself.</param>
    public static FileKind? KindOf(SafeFileHandle folder, string name)
    {
        // struct statx has 256 bytes; the mode is the 16 bits at 28.
        Span<byte> buffer = stackalloc byte[256];
        if (statx(folder, name, name.Length == 0 ? EmptyPath : NoFollowAt, StatType, buffer) != 0)
        {
            return Marshal.GetLastPInvokeError() is Posix.NoEntry or Posix.NotADirectory ? null : throw Posix.Error($"look at '{name}'");
        }

        return (BinaryPrimitives.ReadUInt16LittleEndian(buffer[28..]) & 0xF000) switch
        {
            0x8000 => FileKind.RegularFile,
            0x4000 => FileKind.Directory,
            0xA000 => FileKind.SymbolicLink,
            0x1000 => FileKind.Fifo,
            0xC000 => FileKind.Socket,
            _ => FileKind.Device,
        };
    }

    /// <summary>When what has the name was written; null: nothing has it.</summary>
    public static DateTimeOffset? ModifiedAt(SafeFileHandle folder, string name)
    {
        // struct statx: stx_mtime is at 112, 8 bytes of seconds and 4 of nanoseconds.
        Span<byte> buffer = stackalloc byte[256];
        if (statx(folder, name, NoFollowAt, StatModified, buffer) != 0)
        {
            return Marshal.GetLastPInvokeError() is Posix.NoEntry or Posix.NotADirectory ? null : throw Posix.Error($"look at '{name}'");
        }

        return DateTimeOffset.UnixEpoch.AddTicks(
            (BinaryPrimitives.ReadInt64LittleEndian(buffer[112..]) * TimeSpan.TicksPerSecond)
                + (BinaryPrimitives.ReadUInt32LittleEndian(buffer[120..]) / TimeSpan.NanosecondsPerTick)
        );
    }

    /// <summary>Makes a directory for its owner alone; nothing happens where the name is taken.</summary>
    public static void MakeDirectory(SafeFileHandle folder, string name) =>
        Done(mkdirat(folder, name, OwnersDirectory), $"make directory '{name}'", Posix.Exists);

    /// <summary>As above, by its path.</summary>
    public static void MakeDirectory(string path) => Done(mkdir(path, OwnersDirectory), $"make directory '{path}'", Posix.Exists);

    /// <summary>Gives a file a name in a directory; false where the name is taken. Of any number of racing callers, one gets
    /// true.</summary>
    public static bool TryLink(string from, SafeFileHandle folder, string name) =>
        Done(linkat(CurrentDirectory, from, folder, name, 0), $"link '{from}' to '{name}'", Posix.Exists);

    /// <summary>Moves a file over whatever file (or link) has the name.</summary>
    public static void Rename(string from, SafeFileHandle folder, string name) =>
        Done(renameat(CurrentDirectory, from, folder, name), $"rename '{from}' to '{name}'");

    /// <summary>Removes what has the name; false where nothing has, or a directory.</summary>
    public static bool TryDelete(SafeFileHandle folder, string name) =>
        Done(unlinkat(folder, name, 0), $"delete '{name}'", Posix.NoEntry, IsADirectory, NotPermitted);

    /// <summary>Removes a directory if it is an empty one.</summary>
    public static bool TryRemoveDirectory(SafeFileHandle folder, string name) => unlinkat(folder, name, RemoveDirectory) == 0;

    private static SafeFileHandle? Opened(SafeFileHandle handle, string what, int excused, out int error) =>
        Opened(handle, what, [excused], out error);

    private static SafeFileHandle? Opened(SafeFileHandle handle, string what, ReadOnlySpan<int> excused, out int error)
    {
        error = handle.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        if (!handle.IsInvalid)
        {
            return handle;
        }

        handle.Dispose();
        return excused.Contains(error) ? null : throw Posix.Error(what, error);
    }

    private static bool Done(int result, string what, params ReadOnlySpan<int> excused)
    {
        if (result == 0)
        {
            return true;
        }

        var error = Marshal.GetLastPInvokeError();
        return excused.Contains(error) ? false : throw Posix.Error(what, error);
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle openat(SafeFileHandle folder, string name, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle folder, string name, int flags, uint mask, Span<byte> buffer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle file, int command, int argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdirat(SafeFileHandle folder, string name, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int linkat(int fromFolder, string from, SafeFileHandle folder, string name, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int renameat(int fromFolder, string from, SafeFileHandle folder, string name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlinkat(SafeFileHandle folder, string name, int flags);
}
