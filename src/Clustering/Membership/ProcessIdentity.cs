using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Clustering.Membership;

/// <summary>A process that cannot be mistaken for another: machine, boot, process namespace, id and start time.</summary>
/// <param name="Machine">Hash of boot id and process namespace: two containers of one machine count as two machines.</param>
/// <param name="StartTicks">Field 22 of <c>/proc/PID/stat</c>: a later process of the same id has another one.</param>
public sealed record ProcessIdentity(string Machine, int ProcessId, long StartTicks)
{
    public static ProcessIdentity Current { get; } =
        new(ThisMachine(), Environment.ProcessId, StartTicksOf(Environment.ProcessId) ?? 0);

    public bool IsOfThisMachine => Machine == Current.Machine;

    /// <summary>Whether the process still runs. Only the same machine can tell.</summary>
    public bool IsRunning => StartTicksOf(ProcessId) is { } ticks && ticks == StartTicks;

    private static string ThisMachine()
    {
        // The boot id is new with every start of the machine, so rows from before a reboot are foreign: they go stale instead.
        var identity = Read("/proc/sys/kernel/random/boot_id") + (File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name ?? "");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..32];
    }

    private static long? StartTicksOf(int processId)
    {
        // The command name (field 2) may hold blanks and parentheses, so fields are counted after the last ')'.
        var stat = Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        // A zombie has died and waits for its parent: it will never write again.
        return fields.Length > 19 && fields[0] is not "Z" and not "X" ? long.Parse(fields[19], CultureInfo.InvariantCulture) : null;
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
