using System.Globalization;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>Exclusive file locks of this computer's processes, as Linux tells them (proc_locks(5)).</summary>
internal static class FileLocks
{
    private const string Table = "/proc/locks";

    /// <summary>Whether a process holds an exclusive lock (flock(2)), as for each write to a directory store.</summary>
    public static bool AnyIsHeldBy(int processId) => AnyIsHeldBy(processId, File.ReadLines(Table));

    /// <param name="table">Lines such as <c>1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF</c>; those that wait have an arrow before their
    /// kind.</param>
    internal static bool AnyIsHeldBy(int processId, IEnumerable<string> table)
    {
        var holder = processId.ToString(CultureInfo.InvariantCulture);
        return table
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Any(fields => fields is [_, "FLOCK", _, "WRITE", var id, ..] && id == holder);
    }
}
