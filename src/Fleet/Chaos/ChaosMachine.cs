using System.Globalization;
using System.Runtime.InteropServices;
using Slowrun.Fleet.Chaos.Plans;
using Slowrun.Fleet.Chaos.Platform;
using Slowrun.Fleet.Silos;

namespace Slowrun.Fleet.Chaos;

/// <summary>A machine of the fleet: a silo with one slot, which stops at its planned moment and waits for its disturbance.</summary>
/// <param name="number">In the order in which machines are started, from 0.</param>
/// <param name="disturbance">Null: it is left alone.</param>
internal sealed partial class ChaosMachine(int number, RelayedMachine link, LocalSilo process, Disturbance? disturbance, long startedAt)
    : IDisposable
{
    private const int SigKill = 9;
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;

    // A tiny stage commits and releases within 2 s; the rest is for loaded computers.
    private static readonly TimeSpan LongestStop = TimeSpan.FromMinutes(1);

    // Found in its log: only the slot loop itself knows when it serves.
    private const string Serving = "Serving with slots";

    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    private long? servesSince;

    public int Number => number;

    public string Name => link.Name;

    public RelayedMachine Link => link;

    public Disturbance? Disturbance => disturbance;

    public int ProcessId => process.ProcessId;

    public bool HasExited => process.HasExited;

    public string Log => process.Log;

    /// <summary>Whether it has come to its moment.</summary>
    public bool StandsStill
    {
        get
        {
            try
            {
                var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.ProcessId}/stat"));
                return stat[(stat.LastIndexOf(')') + 2)..].StartsWith('T');
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    /// <param name="number">In the order in which machines are started, from 0.</param>
    /// <param name="metadata">The service that it asks for preemption notices; null: none.</param>
    /// <param name="cache">Its cache folder; null: the user's.</param>
    /// <param name="keptLogs">Of silos of this store.</param>
    public static ChaosMachine Start(
        int number,
        SiloProgram program,
        string store,
        RelayedMachine link,
        Uri? metadata,
        string? cache,
        Disturbance? disturbance,
        int keptLogs,
        TimeProvider time
    )
    {
        // Processes of one computer could look each other up; machines cannot.
        var environment = new Dictionary<string, string> { ["SLOWRUN_MACHINE"] = Guid.NewGuid().ToString("N") };
        if (cache is not null)
        {
            environment["SLOWRUN_CACHE"] = cache;
        }

        if (disturbance is { Point: { } point })
        {
            environment["SLOWRUN_CRASH_AFTER"] = string.Create(CultureInfo.InvariantCulture, $"{point}:{disturbance.Count}:stop");
        }

        string[] notices = metadata is null
            ? []
            : ["--preemption", "azure", "--imds", metadata.ToString(), "--vm-name", link.Name, "--imds-interval", "200ms"];
        var process = LocalSilo.Start(
            program,
            store,
            ["--slots", "cpu:1", "--name", link.Name, .. link.Arguments, .. notices],
            time.GetUtcNow(),
            environment,
            keptLogs
        );
        var processId = process.ProcessId;
        link.ProcessId = () => processId;
        return new ChaosMachine(number, link, process, disturbance, time.GetTimestamp());
    }

    /// <summary>Since it looks for work; null before. It joins its cluster seconds earlier, while libtorch still loads.</summary>
    public TimeSpan? ServesFor(TimeProvider time)
    {
        if (servesSince is null && SiloLogs.Says(process.Log, Serving))
        {
            servesSince = time.GetTimestamp();
        }

        return servesSince is { } since ? time.GetElapsedTime(since) : null;
    }

    public TimeSpan Age(TimeProvider time) => time.GetElapsedTime(startedAt);

    public void Freeze() => Send(SigStop);

    public void Thaw() => Send(SigCont);

    /// <summary>
    /// Lets a machine that is cut off and stands still go on for moments until it is within no write to the store. In a directory it would
    /// hold a lock there until it wakes, which no machine can do to a store that is far away.
    /// </summary>
    public async Task LetGoOfStoreAsync(TimeProvider time, CancellationToken stop)
    {
        while (!HasExited && FileLocks.AnyIsHeldBy(process.ProcessId))
        {
            Thaw();
            await Task.Delay(Moment, time, stop);
            Freeze();
            while (!HasExited && !StandsStill)
            {
                await Task.Delay(Moment, time, stop);
            }
        }
    }

    public void Kill() => Send(SigKill);

    public void Terminate()
    {
        Send(SigTerm);
        Send(SigCont);
    }

    /// <summary>Lets it commit and stop; one that stands still is ended.</summary>
    /// <returns>False where it did not stop, and was ended.</returns>
    public async Task<bool> StopAsync(TimeProvider time)
    {
        if (StandsStill)
        {
            Kill();
        }
        else
        {
            process.BeginStop();
        }

        var exit = process.WaitForExitAsync(CancellationToken.None);
        var stopped = await Task.WhenAny(exit, Task.Delay(LongestStop, time)) == exit;
        Kill();
        await exit;
        return stopped;
    }

    public void Dispose()
    {
        // A client that is told to stop leaves no process behind, whatever state it is in.
        Kill();
        link.ProcessId = () => null;
        process.Dispose();
    }

    private void Send(int signal)
    {
        if (!process.HasExited)
        {
            _ = SendSignal(process.ProcessId, signal);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
