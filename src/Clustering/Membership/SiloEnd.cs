using System.Globalization;
using System.Text.Json.Serialization;
using Slowrun.Core;

namespace Slowrun.Clustering.Membership;

/// <summary>How a silo's process ended, as its supervisor saw it.</summary>
/// <param name="Signal">What ended it; null: it exited.</param>
/// <param name="ExitCode">Where it exited.</param>
/// <param name="OutOfMemory">The machine's kernel ended processes for want of memory while this one lived.</param>
public sealed record SiloEnd(int? Signal, int? ExitCode, bool OutOfMemory = false) : ExtensibleRecord
{
    /// <summary>The exit code of a silo that ends since it has no fleet or no store to go on with: EX_TEMPFAIL of sysexits.h. That is no
    /// crash of its work.</summary>
    public const int NotItsWork = 75;

    private const int SigKill = 9;

    // What a process does to itself: illegal instruction, trap, abort, bus error, arithmetic, bad memory access, bad system call.
    private static readonly int[] OwnFault = [4, 5, 6, 7, 8, 11, 31];

    private static readonly Dictionary<string, int> SignalNames = new()
    {
        ["HUP"] = 1,
        ["INT"] = 2,
        ["ILL"] = 4,
        ["TRAP"] = 5,
        ["ABRT"] = 6,
        ["BUS"] = 7,
        ["FPE"] = 8,
        ["KILL"] = SigKill,
        ["SEGV"] = 11,
        ["TERM"] = 15,
        ["SYS"] = 31,
    };

    /// <summary>Whether its work caused the end, rather than a person who stopped it, or the loss of its machine.</summary>
    [JsonIgnore]
    public bool IsCrash =>
        Signal is { } signal ? OwnFault.Contains(signal) || (signal == SigKill && OutOfMemory) : ExitCode is not (null or 0 or NotItsWork);

    /// <summary>
    /// Whether it ended by itself and did not crash. Its work may be the cause all the same: one that hangs keeps its silo from stopping
    /// in order.
    /// </summary>
    [JsonIgnore]
    public bool GaveUp => Signal is null && !IsCrash;

    /// <param name="exitCode">As a shell reports it: 128 plus the signal's number where a signal ended the process.</param>
    public static SiloEnd Of(int exitCode, bool outOfMemory) =>
        exitCode > 128 ? new SiloEnd(exitCode - 128, null, outOfMemory) : new SiloEnd(null, exitCode, outOfMemory);

    /// <summary>
    /// As systemd passes it to <c>ExecStopPost</c>. Null where the silo's work is not the cause: a stop in order, a time-out, and the
    /// watchdog's abort, since a silo also hangs when its store does not answer.
    /// </summary>
    /// <param name="result"><c>SERVICE_RESULT</c>.</param>
    /// <param name="code"><c>EXIT_CODE</c>: exited, killed or dumped.</param>
    /// <param name="status"><c>EXIT_STATUS</c>: an exit code, or a signal's name without SIG.</param>
    public static SiloEnd? OfService(string? result, string? code, string? status) =>
        (result, code) switch
        {
            ("oom-kill", _) => new SiloEnd(SigKill, null, OutOfMemory: true),
            ("exit-code", "exited") when int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var exitCode) =>
                new SiloEnd(null, exitCode),
            ("signal" or "core-dump", "killed" or "dumped") when SignalNames.TryGetValue(status ?? "", out var signal) => new SiloEnd(
                signal,
                null
            ),
            _ => null,
        };

    public override string ToString() =>
        this switch
        {
            { Signal: SigKill, OutOfMemory: true } => "was ended by signal 9, most likely since the machine had no memory left",
            { Signal: { } signal } => string.Create(
                CultureInfo.InvariantCulture,
                $"was ended by signal {signal}{(OwnFault.Contains(signal) ? " (a crash)" : "")}"
            ),
            _ => string.Create(CultureInfo.InvariantCulture, $"ended with exit code {ExitCode}"),
        };
}
