using System.Globalization;
using System.Runtime.InteropServices;

namespace Slowrun.Grains.Stages;

/// <summary>
/// Lets tests and <c>slowrun chaos</c> disturb a silo at a chosen moment: <c>SLOWRUN_CRASH_AFTER=commit:3</c> ends the process by SIGKILL
/// after its third commit, <c>commit:3:stop</c> freezes it there, <c>commit:3:term</c> asks it to stop, <c>commit:3:crash</c> lets it abort
/// as native code does. Without the variable it does nothing.
/// </summary>
internal static partial class CrashPoint
{
    public const string Take = "take";
    public const string Restore = "restore";
    public const string Step = "step";
    public const string Capture = "capture";
    public const string Upload = "upload";
    public const string Commit = "commit";
    public const string Slots = "slots";
    public const string Snapshot = "snapshot";
    public const string Finish = "finish";
    public const string Score = "score";
    public const string NoticeOwed = "notice-owed";
    public const string NoticeSent = "notice-sent";

    private const string Variable = "SLOWRUN_CRASH_AFTER";
    private static readonly Dictionary<string, int> Signals = new(StringComparer.Ordinal)
    {
        ["crash"] = 6,
        ["kill"] = 9,
        ["term"] = 15,
        ["stop"] = 19,
    };
    private static readonly (string Point, int Count, int Signal) Wanted = Parse(Environment.GetEnvironmentVariable(Variable));
    private static int seen;

    /// <summary>Told of each point that is reached by what begins in this flow, on the thread that reaches it: a test acts exactly there,
    /// however fast the machine is.</summary>
    public static AsyncLocal<Action<string>?> Watcher { get; } = new();

    public static void Reached(string point)
    {
        Watcher.Value?.Invoke(point);
        if (point == Wanted.Point && Interlocked.Increment(ref seen) == Wanted.Count)
        {
            if (Wanted.Signal == Signals["crash"])
            {
                // Only sent, .NET's handler would return from it.
                Abort();
            }

            _ = Kill(Environment.ProcessId, Wanted.Signal);
        }
    }

    private static (string Point, int Count, int Signal) Parse(string? text)
    {
        var parts = text?.Split(':') ?? [];
        return
            parts.Length is 2 or 3
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && Signals.TryGetValue(parts.ElementAtOrDefault(2) ?? "kill", out var signal)
            ? (parts[0], count, signal)
            : ("", 0, 0);
    }

    [LibraryImport("libc", EntryPoint = "abort")]
    private static partial void Abort();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
