using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Slowrun.Core;

namespace Slowrun.Clustering.Membership;

/// <summary>A process that cannot be mistaken for another: machine, boot, process namespace, id and start time.</summary>
/// <param name="Machine">
/// Hash of machine id, boot id and process namespace, so that two containers of one machine, or two VMs of one image, count as two machines
/// and never judge each other's process ids.
/// </param>
/// <param name="StartTicks">Field 22 of <c>/proc/PID/stat</c>, clock ticks since boot: a later process of the same id has another
/// one.</param>
public sealed record ProcessIdentity(string Machine, int ProcessId, long StartTicks) : ExtensibleRecord
{
    /// <summary>
    /// Of the environment: processes for which it differs count as processes of different machines, which are judged by heartbeat and port
    /// alone. Lets tests and <c>slowrun chaos</c> play a fleet on one machine.
    /// </summary>
    private const string MachineVariable = "SLOWRUN_MACHINE";

    public static ProcessIdentity Current { get; } =
        new(ThisMachine(), Environment.ProcessId, ProcessState.Of(Environment.ProcessId)?.StartTicks ?? 0);

    [JsonIgnore]
    public bool IsOfThisMachine => Machine == Current.Machine;

    /// <summary>True where the process certainly no longer runs; false for processes of other machines, of which nothing can be
    /// seen.</summary>
    public bool IsGone() => IsOfThisMachine && !(ProcessState.Of(ProcessId) is { IsDead: false } state && state.IsSince(StartTicks));

    /// <summary>Whether the process is of this machine and was halted by SIGSTOP or a debugger.</summary>
    public bool IsHalted() => IsOfThisMachine && ProcessState.Of(ProcessId) is { IsHalted: true } state && state.IsSince(StartTicks);

    private static string ThisMachine()
    {
        // Without a boot id there is nothing to tell machines apart by: then every process is a machine of its own, and only heartbeats
        // count.
        var boot = Read("/proc/sys/kernel/random/boot_id") ?? Guid.NewGuid().ToString();
        var processes = new FileInfo("/proc/self/ns/pid").LinkTarget;
        var identity = $"{Read("/etc/machine-id")}\n{boot}\n{processes}\n{Environment.GetEnvironmentVariable(MachineVariable)}";
        // Hashed: readers of the store need not learn the machine's identity.
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..32];
    }

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
