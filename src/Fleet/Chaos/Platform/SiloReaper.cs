using System.Diagnostics;
using System.Globalization;
using Slowrun.Core;

namespace Slowrun.Fleet.Chaos.Platform;

/// <summary>
/// Ends the fleet's silos when this process has ended in whatever way, by SIGKILL too. A silo whose parent is gone stops by itself, but one
/// that stands still at its planned moment would stand there for good.
/// </summary>
internal sealed class SiloReaper : IAsyncDisposable
{
    // Reads process ids until its input ends, as it does with this process. An id may be another process's by then: only a silo of the
    // store is ended. Ctrl-C reaches it too, and must not end it before.
    private const string Script = """
        trap '' INT TERM HUP
        exec >/dev/null 2>&1
        while read -r silo; do silos="$silos $silo"; done
        for silo in $silos; do
          grep -qaF -e --parent-pipe "/proc/$silo/cmdline" && grep -qaF -e "$0" "/proc/$silo/cmdline" && kill -KILL "$silo"
        done
        """;

    private readonly Process process;

    /// <param name="store">The address that stands in the silos' command lines.</param>
    /// <exception cref="NotPossibleException">There is no shell.</exception>
    public SiloReaper(string store) =>
        process =
            Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script, store]) { RedirectStandardInput = true })
            ?? throw new NotPossibleException("'/bin/sh' did not start.");

    /// <summary>From now on the silo does not outlive this process.</summary>
    public void Watch(int silo)
    {
        process.StandardInput.WriteLine(silo.ToString(CultureInfo.InvariantCulture));
        process.StandardInput.Flush();
    }

    /// <summary>Ends the silos that still live, and waits until that is done.</summary>
    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
