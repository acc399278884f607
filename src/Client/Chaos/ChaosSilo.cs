using System.Globalization;
using System.Runtime.InteropServices;
using Slowrun.Client.Silos;

namespace Slowrun.Client.Chaos;

/// <summary>A machine of the fleet: a silo with one slot, which stands still at the moment planned for it and waits for what happens to it.</summary>
/// <param name="disturbance">Null: it is left alone.</param>
internal sealed partial class ChaosSilo(string name, LocalSilo process, Disturbance? disturbance, long startedAt) : IDisposable
{
    private const int SigKill = 9;
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;

    private long? servesSince;

    public string Name => name;

    public Disturbance? Disturbance => disturbance;

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

    /// <param name="name">Shown in status and events.</param>
    public static ChaosSilo Start(SiloProgram program, string store, string name, Disturbance? disturbance, TimeProvider time)
    {
        var environment = new Dictionary<string, string>();
        if (disturbance is { Point: { } point })
        {
            environment["SLOWRUN_CRASH_AFTER"] = string.Create(CultureInfo.InvariantCulture, $"{point}:{disturbance.Count}:stop");
        }

        var process = LocalSilo.Start(program, store, ["--slots", "cpu:1", "--name", name], time.GetUtcNow(), environment);
        return new ChaosSilo(name, process, disturbance, time.GetTimestamp());
    }

    /// <summary>It was seen to serve the first time.</summary>
    public void Serves(TimeProvider time) => servesSince ??= time.GetTimestamp();

    public TimeSpan? ServesFor(TimeProvider time) => servesSince is { } since ? time.GetElapsedTime(since) : null;

    public TimeSpan Age(TimeProvider time) => time.GetElapsedTime(startedAt);

    public void Freeze() => Send(SigStop);

    public void Thaw() => Send(SigCont);

    public void Kill() => Send(SigKill);

    public void Terminate()
    {
        Send(SigTerm);
        Send(SigCont);
    }

    /// <summary>Lets it commit and stop; one that stands still is ended.</summary>
    public async Task StopAsync()
    {
        if (StandsStill)
        {
            Kill();
        }
        else
        {
            process.BeginStop();
        }

        await process.WaitForExitAsync(CancellationToken.None);
    }

    public void Dispose()
    {
        // A client that is told to stop leaves no process behind, whatever state it is in.
        Kill();
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
