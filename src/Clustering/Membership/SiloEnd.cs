using System.Globalization;
using System.Text.Json.Serialization;

namespace Slowrun.Clustering.Membership;

/// <summary>How a silo's process ended, as its supervisor saw it.</summary>
/// <param name="Signal">What ended it; null: it exited.</param>
/// <param name="ExitCode">Where it exited.</param>
/// <param name="OutOfMemory">The machine's kernel ended processes for want of memory while this one lived.</param>
public sealed record SiloEnd(int? Signal, int? ExitCode, bool OutOfMemory = false)
{
    private const int SigKill = 9;

    // What a process does to itself: illegal instruction, trap, abort, bus error, arithmetic, bad memory access, bad system call.
    private static readonly int[] OwnFault = [4, 5, 6, 7, 8, 11, 31];

    /// <summary>Whether what it was doing is to blame, rather than somebody who stopped it or took its machine away.</summary>
    [JsonIgnore]
    public bool IsCrash => Signal is { } signal ? OwnFault.Contains(signal) || (signal == SigKill && OutOfMemory) : ExitCode is not (null or 0);

    /// <param name="exitCode">As a shell tells it: 128 and the signal's number where a signal ended the process.</param>
    public static SiloEnd Of(int exitCode, bool outOfMemory) =>
        exitCode > 128 ? new SiloEnd(exitCode - 128, null, outOfMemory) : new SiloEnd(null, exitCode, outOfMemory);

    public override string ToString() => this switch
    {
        { Signal: SigKill, OutOfMemory: true } => "was ended by signal 9, most likely since the machine had no memory left",
        { Signal: { } signal } => string.Create(CultureInfo.InvariantCulture, $"was ended by signal {signal}{(OwnFault.Contains(signal) ? " (a crash)" : "")}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"ended with exit code {ExitCode}"),
    };
}
