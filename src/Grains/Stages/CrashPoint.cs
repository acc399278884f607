using System.Globalization;
using System.Runtime.InteropServices;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Lets tests kill a silo at a chosen moment, as a lost machine would end there: <c>SLOWRUN_CRASH_AFTER=commit:3</c> ends the process by
/// SIGKILL after its third commit. Without the variable it does nothing.
/// </summary>
internal static partial class CrashPoint
{
    public const string Take = "take";
    public const string Restore = "restore";
    public const string Step = "step";
    public const string Capture = "capture";
    public const string Upload = "upload";
    public const string Commit = "commit";
    public const string Snapshot = "snapshot";
    public const string Finish = "finish";
    public const string Score = "score";

    private const int SigKill = 9;
    private static readonly (string Point, int Count) Wanted = Parse(Environment.GetEnvironmentVariable("SLOWRUN_CRASH_AFTER"));
    private static int seen;

    public static void Reached(string point)
    {
        if (point == Wanted.Point && Interlocked.Increment(ref seen) == Wanted.Count)
        {
            _ = Kill(Environment.ProcessId, SigKill);
        }
    }

    private static (string Point, int Count) Parse(string? text)
    {
        var parts = text?.Split(':') ?? [];
        return parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? (parts[0], count) : ("", 0);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
