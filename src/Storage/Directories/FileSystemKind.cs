using System.Globalization;

namespace Slowrun.Storage.Directories;

/// <summary>Tells file systems whose locks, links and fsync hold for every process that sees the directory from those where they do
/// not.</summary>
internal static class FileSystemKind
{
    private const long Fuse = 0x65735546;

    // linux/magic.h and the file systems' own headers. On each of these several machines see the same files, while flock(2) may be
    // answered by the local machine alone, or a lost answer makes a link that succeeded look like one that failed.
    private static readonly Dictionary<long, string> Shared = new()
    {
        [0x6969] = "NFS",
        [0x517B] = "SMB",
        [0xFF534D42] = "CIFS",
        [0xFE534D42] = "SMB",
        [0x01021997] = "9P (a folder of the virtual machine's host)",
        [0x00C36400] = "CephFS",
        [0x0BD00BD0] = "Lustre",
        [0x47504653] = "GPFS",
        [0x7461636F] = "OCFS2",
        [0x01161970] = "GFS2",
        [0x5346414F] = "AFS",
        [0x6B414653] = "AFS",
        [0x73757245] = "Coda",
        [0x564C] = "NCP",
        [0x786F4256] = "VirtualBox shared folders",
        [0xBACBACBC] = "VMware shared folders",
    };

    // Behind FUSE's one number stand local disks and remote ones; the mount's type tells them apart. These two are local.
    private static readonly string[] LocalFuse = ["fuseblk", "fuse.fuse-overlayfs"];

    /// <summary>Why a store cannot be kept on the file system of <paramref name="path"/>; null: it can.</summary>
    public static string? Refusal(string path)
    {
        var magic = Posix.FileSystemMagic(path);
        return Refusal(magic, magic == Fuse ? MountType(path, File.ReadLines("/proc/self/mountinfo")) : null);
    }

    /// <param name="mountType">The mount's type from mountinfo where <paramref name="magic"/> is FUSE's.</param>
    public static string? Refusal(long magic, string? mountType)
    {
        if (Shared.TryGetValue(magic, out var kind))
        {
            return kind;
        }

        return magic != Fuse || LocalFuse.Contains(mountType) ? null : $"a FUSE file system ({mountType ?? "of unknown type"})";
    }

    /// <summary>The file system type of the mount that holds <paramref name="path"/>, by the lines of mountinfo (proc(5)).</summary>
    public static string? MountType(string path, IEnumerable<string> mountInfo)
    {
        // The longest mount point above the path wins, and of equal ones the last: it hides the others.
        string? type = null;
        var longest = 0;
        foreach (var line in mountInfo)
        {
            var fields = line.Split(' ');
            var separator = Array.IndexOf(fields, "-");
            if (separator < 0 || separator + 1 >= fields.Length)
            {
                continue;
            }

            var point = Unescaped(fields[4]).TrimEnd('/') + "/";
            if (point.Length >= longest && (path + "/").StartsWith(point, StringComparison.Ordinal))
            {
                (longest, type) = (point.Length, fields[separator + 1]);
            }
        }

        return type;
    }

    private static string Unescaped(string field)
    {
        // Space, tab, newline and backslash are written \ooo.
        for (var at = field.IndexOf('\\'); at >= 0 && at + 3 < field.Length; at = field.IndexOf('\\', at + 1))
        {
            var character = (char)Convert.ToInt32(field.Substring(at + 1, 3), 8);
            field = string.Create(CultureInfo.InvariantCulture, $"{field[..at]}{character}{field[(at + 4)..]}");
        }

        return field;
    }
}
