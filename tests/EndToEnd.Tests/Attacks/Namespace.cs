using System.Diagnostics;
using System.Globalization;

namespace Slowrun.EndToEnd.Tests.Attacks;

/// <summary>Another network on this machine, with a cable to it. Needs root.</summary>
internal sealed class Namespace : IDisposable
{
    // With the process in second place: the rehearsal sweeps namespaces of that form whose process is gone.
    private readonly string name = string.Create(CultureInfo.InvariantCulture, $"slowrun-{Environment.ProcessId}-door");
    private readonly string cable = string.Create(CultureInfo.InvariantCulture, $"srd{Environment.ProcessId % 1_000_000}");

    public Namespace()
    {
        Do("ip", "netns", "add", name);
        Do("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
        Do("ip", "address", "add", $"{Here}/30", "dev", cable);
        Do("ip", "link", "set", cable, "up");
        Do("ip", "-n", name, "address", "add", $"{There}/30", "dev", "eth0");
        Do("ip", "-n", name, "link", "set", "eth0", "up");
    }

    /// <summary>This machine's end, in the block that is kept for tests of devices (RFC 2544).</summary>
    public static string Here => "198.18.77.1";

    public static string There => "198.18.77.2";

    public string[] Within(params string[] command) => ["ip", "netns", "exec", name, .. command];

    /// <returns>What it wrote; null where it failed.</returns>
    public static string? TryRun(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            _ = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    // Its end of the cable goes with it.
    public void Dispose() => TryRun("ip", "netns", "delete", name);

    private static void Do(params string[] command) => Assert.True(TryRun(command) is not null, string.Join(' ', command));
}
