using System.Globalization;
using Slowrun.Storage;

namespace Slowrun.Client.Silos;

/// <summary>Files in which silos that the client starts write what they have to say.</summary>
internal static class SiloLogs
{
    private const int Kept = 20;
    private const int LongestLine = 300;

    /// <summary>
    /// Beside a directory store's objects (a name that begins with a dot is none of them), so that who has the store has its logs; for
    /// others in the temporary folder.
    /// </summary>
    public static string NewFile(string storeAddress, DateTimeOffset now)
    {
        var folder = StoreAddress.IsDirectory(storeAddress)
            ? Path.Combine(Path.GetFullPath(storeAddress), ".logs")
            : Path.Combine(Path.GetTempPath(), "slowrun-logs");
        Directory.CreateDirectory(folder);
        foreach (var old in Directory.GetFiles(folder, "silo-*.log").OrderDescending(StringComparer.Ordinal).Skip(Kept - 1))
        {
            File.Delete(old);
        }

        var time = now.UtcDateTime.ToString("yyyyMMdd-HHmmss-fff", CultureInfo.InvariantCulture);
        return Path.Combine(folder, $"silo-{time}-{Environment.ProcessId}.log");
    }

    /// <summary>The last lines that are for people, for a message about a silo that ended; empty where there are none.</summary>
    public static string Tail(string file, int lines)
    {
        try
        {
            return string.Join('\n', File.ReadLines(file).Where(line => !IsTrace(line)).TakeLast(lines).Select(line => $"  {(line.Length > LongestLine ? line[..LongestLine] + "…" : line)}"));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static bool IsTrace(string line) =>
        line.TrimStart() is var text && (text.StartsWith("at ", StringComparison.Ordinal) || text.StartsWith("---", StringComparison.Ordinal));
}
