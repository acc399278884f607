using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Slowrun.Silo.Hosting;

/// <summary>
/// The service manager that started this process (systemd, with Type=notify): datagrams to the socket that it names in the environment, as
/// in sd_notify(3).
/// </summary>
/// <param name="socket">A path, or a name that begins with <c>@</c> and lives outside the file system.</param>
/// <param name="watchdog">The service is killed when it sends no report for so long; null: no watchdog.</param>
/// <param name="runtimeDirectory">The service's own, in which it may leave a note for the commands that run after it; null: it has
/// none.</param>
internal sealed class ServiceManager(string socket, TimeSpan? watchdog, string? runtimeDirectory)
{
    public TimeSpan? Watchdog => watchdog;

    /// <returns>Null where no service manager expects reports of this process.</returns>
    public static ServiceManager? FromEnvironment() =>
        Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 } socket
            ? new ServiceManager(
                socket,
                WatchdogOf(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), Environment.GetEnvironmentVariable("WATCHDOG_PID")),
                Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY")
            )
            : null;

    /// <param name="state">As in <c>READY=1</c>.</param>
    /// <exception cref="SocketException">It does not listen.</exception>
    public void Tell(string state)
    {
        using var sender = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        sender.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(socket[0] == '@' ? '\0' + socket[1..] : socket));
    }

    /// <summary>Leaves an empty file behind, which is gone when the service starts again.</summary>
    /// <exception cref="IOException">The directory cannot be written to.</exception>
    public void LeaveNote(string name)
    {
        if (runtimeDirectory is { Length: > 0 })
        {
            File.WriteAllBytes(Path.Combine(runtimeDirectory, name), []);
        }
    }

    /// <param name="process">The process that the watchdog expects reports of; child processes inherit the variable.</param>
    internal static TimeSpan? WatchdogOf(string? microseconds, string? process) =>
        long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
        && limit > 0
        && (process is not { Length: > 0 } || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            ? TimeSpan.FromMicroseconds(limit)
            : null;
}
