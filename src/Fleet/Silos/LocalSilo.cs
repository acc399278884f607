using System.Diagnostics;
using Slowrun.Clustering.Membership;
using Slowrun.Core;

namespace Slowrun.Fleet.Silos;

/// <summary>A silo that this process started. It commits and stops when its input ends: when this process closes it, or has
/// ended.</summary>
internal sealed class LocalSilo : IDisposable
{
    // The shell gives the silo its log file, named after the process that it then becomes. If this process copied the output, the silo's
    // last lines, which say whether it committed, would be lost with a killed client. Log, and whatever the silo makes besides, are its
    // owner's alone.
    private const string IntoLog = $"umask 077; exec \"$@\" >>\"$0-$${SiloLogs.Extension}\" 2>&1";

    private readonly Process process;
    private readonly long memoryKills = KernelMemory.Kills();

    private LocalSilo(Process process, string log) => (this.process, Log) = (process, log);

    public string Log { get; }

    public int ProcessId => process.Id;

    /// <summary>How it ended; only once it has.</summary>
    public SiloEnd End => SiloEnd.Of(ExitCode, KernelMemory.Kills() > memoryKills);

    public bool HasExited => process.HasExited;

    /// <summary>128 + n where signal n ended it.</summary>
    public int ExitCode => process.ExitCode;

    /// <param name="arguments">Further ones of the silo's program.</param>
    /// <param name="keptLogs">As for <see cref="SiloLogs.NewName"/>.</param>
    /// <exception cref="NotPossibleException">The program does not start.</exception>
    public static LocalSilo Start(
        SiloProgram program,
        string storeAddress,
        IReadOnlyList<string> arguments,
        DateTimeOffset now,
        IReadOnlyDictionary<string, string>? environment = null,
        int keptLogs = SiloLogs.Kept
    )
    {
        var log = SiloLogs.NewName(storeAddress, now, keptLogs);
        var start = new ProcessStartInfo(
            "/bin/sh",
            ["-c", IntoLog, log, program.FileName, .. program.Arguments, "silo", "--store", storeAddress, "--parent-pipe", .. arguments]
        )
        {
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start) ?? throw new NotPossibleException($"'{program.FileName}' did not start.");
        return new LocalSilo(process, SiloLogs.FileOf(log, process.Id));
    }

    public void BeginStop() => process.StandardInput.Close();

    public Task WaitForExitAsync(CancellationToken cancellationToken) => process.WaitForExitAsync(cancellationToken);

    public void Dispose() => process.Dispose();
}
