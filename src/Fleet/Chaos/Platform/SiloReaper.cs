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
    // store is ended. Ctrl-C reaches it too, and must not end it before: the empty line says that it is deaf from now on.
    private const string Script = """
        trap '' INT TERM HUP
        echo
        exec >/dev/null 2>&1
        while read -r silo; do silos="$silos $silo"; done
        for silo in $silos; do
          grep -qaF -e --parent-pipe "/proc/$silo/cmdline" && grep -qaF -e "$0" "/proc/$silo/cmdline" && kill -KILL "$silo"
        done
        """;

    private const int MostTries = 5;

    private readonly Process process;

    /// <param name="store">The address that stands in the silos' command lines.</param>
    /// <param name="shell">What carries the script out.</param>
    /// <exception cref="NotPossibleException">There is no shell.</exception>
    public SiloReaper(string store, string shell = "/bin/sh")
    {
        for (var tries = 1; process is null; tries++)
        {
            var started =
                Process.Start(
                    new ProcessStartInfo(shell, ["-c", Script, store]) { RedirectStandardInput = true, RedirectStandardOutput = true }
                ) ?? throw new NotPossibleException($"'{shell}' did not start.");
            if (started.StandardOutput.ReadLine() is not null)
            {
                process = started;
                continue;
            }

            // A Ctrl-C at this moment has ended it before it was deaf to that.
            started.Dispose();
            if (tries == MostTries)
            {
                throw new NotPossibleException($"'{shell}' ends at once, {tries} times. Chaos needs it to end silos that stand still.");
            }
        }
    }

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
