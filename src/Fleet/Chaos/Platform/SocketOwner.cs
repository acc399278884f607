using System.Globalization;
using System.Net;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>Which process of this computer a loopback connection comes from, by <c>/proc</c>.</summary>
internal static class SocketOwner
{
    private const int LocalField = 1;
    private const int RemoteField = 2;
    private const int InodeField = 9;

    /// <summary>The socket that has these two ends; null where there is none any more.</summary>
    public static string? InodeOf(IPEndPoint local, IPEndPoint remote)
    {
        var (here, there) = (Text(local), Text(remote));
        // A socket for both versions of IP stands in the second, with the same last digits.
        foreach (var file in (string[])["/proc/net/tcp", "/proc/net/tcp6"])
        {
            if (!File.Exists(file))
            {
                continue;
            }

            foreach (var line in File.ReadLines(file).Skip(1))
            {
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (
                    fields.Length > InodeField
                    && fields[LocalField].EndsWith(here, StringComparison.Ordinal)
                    && fields[RemoteField].EndsWith(there, StringComparison.Ordinal)
                )
                {
                    return fields[InodeField];
                }
            }
        }

        return null;
    }

    public static bool Has(int processId, string inode)
    {
        try
        {
            var wanted = $"socket:[{inode}]";
            return Directory
                .EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/fd"))
                .Any(file => new FileInfo(file).LinkTarget == wanted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is not ours.
            return false;
        }
    }

    /// <summary>As there: the address as one number in the machine's byte order.</summary>
    private static string Text(IPEndPoint end)
    {
        var bytes = end.Address.MapToIPv4().GetAddressBytes();
        return string.Create(CultureInfo.InvariantCulture, $"{bytes[3]:X2}{bytes[2]:X2}{bytes[1]:X2}{bytes[0]:X2}:{end.Port:X4}");
    }
}
