using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Signals to real processes, and who their children are, by /proc.</summary>
internal static partial class Processes
{
    public const int SigInt = 2;
    public const int SigKill = 9;
    public const int SigTerm = 15;
    private const int NoSuchProcess = 3;

    public static void Signal(int pid, int signal) => Assert.Equal(0, Kill(pid, signal));

    /// <summary>Signals a process that may be at its end by itself, since what it does is done at any moment.</summary>
    public static void SignalIfAlive(int pid, int signal)
    {
        if (Kill(pid, signal) != 0)
        {
            Assert.Equal(NoSuchProcess, Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>All processes that serve this store as silos.</summary>
    public static IReadOnlyList<int> SilosOf(string store) =>
        [
            .. Process
                .GetProcesses()
                .Select(process => process.Id)
                .Where(pid =>
                    CommandLine(pid) is { } line
                    && line.Contains("Slowrun.Silo.dll", StringComparison.Ordinal)
                    && line.Contains(store, StringComparison.Ordinal)
                ),
        ];

    /// <summary>Waits until no silo serves the store: one whose parent is gone commits and ends by itself.</summary>
    public static Task SilosGoneAsync(string store) => Until.HoldsAsync(() => SilosOf(store).Count == 0);

    /// <summary>The process of the silo of that name.</summary>
    public static int SiloNamed(string store, string name) => SilosOf(store).Single(pid => IsNamed(pid, name));

    /// <summary>Like <see cref="SiloNamed"/>; null where there is none.</summary>
    public static int? TrySiloNamed(string store, string name) =>
        SilosOf(store).Where(pid => IsNamed(pid, name)).Select(pid => (int?)pid).FirstOrDefault();

    private static bool IsNamed(int pid, string name) => CommandLine(pid)?.Split('\0').Contains(name) == true;

    private static string? CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline"));
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
