using System.Globalization;
using Slowrun.Clustering.Membership;

namespace Slowrun.Fleet.Silos;

/// <summary>The log of a silo that was started on this machine, whether it still runs or not.</summary>
/// <param name="Name">The silo's, as <c>status</c> and <c>events</c> show it.</param>
/// <param name="Serves">It is alive.</param>
public sealed record SiloLog(string Name, string File, int ProcessId, bool Serves)
{
    /// <summary>All of a store's logs on this machine, the newest first.</summary>
    /// <param name="silos">Those alive now.</param>
    public static IReadOnlyList<SiloLog> Find(string storeAddress, IReadOnlyList<LiveSilo> silos) =>
        [
            .. SiloLogs
                .Files(storeAddress)
                .Select(file => (File: file, ProcessId: SiloLogs.ProcessOf(file)))
                .Where(log => log.ProcessId is not null)
                // Process ids are used again: the newest file is the living one's.
                .DistinctBy(log => log.ProcessId)
                .Select(log => Of(log.File, log.ProcessId!.Value, silos)),
        ];

    private static SiloLog Of(string file, int processId, IReadOnlyList<LiveSilo> silos)
    {
        var silo = silos.FirstOrDefault(silo => silo.ProcessId == processId);
        // Silos that a client starts have the name that silos give themselves.
        return new SiloLog(
            silo?.Name ?? string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{processId}"),
            file,
            processId,
            silo is not null
        );
    }
}
