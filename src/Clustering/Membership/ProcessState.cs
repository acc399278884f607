using System.Diagnostics;
using System.Globalization;

namespace Slowrun.Clustering.Membership;

/// <summary>The state of a process by <c>/proc</c>.</summary>
/// <param name="Code">Field 3 of <c>/proc/PID/stat</c>; <c>?</c> where the process exists but may not be looked at.</param>
internal readonly record struct ProcessState(char Code, long? StartTicks)
{
    /// <summary>A zombie has ended and waits for its parent: it will never write again.</summary>
    public bool IsDead => Code is 'Z' or 'X' or 'x';

    public bool IsHalted => Code is 'T' or 't';

    /// <summary>Whether it can be the process that started then, rather than a later one of the same id.</summary>
    public bool IsSince(long startTicks) => StartTicks is null || StartTicks == startTicks;

    /// <summary>Null where there is no such process.</summary>
    public static ProcessState? Of(int processId)
    {
        try
        {
            // The command's name (field 2) may hold blanks and parentheses, so fields are counted after the last ')'.
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return new ProcessState(fields[0][0], long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // /proc mounted with hidepid does not show other users' processes: that does not mean that they are dead.
            return Exists(processId) ? new ProcessState('?', null) : null;
        }
    }

    private static bool Exists(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
