using System.Diagnostics;

namespace Slowrun.Training.Tests;

/// <summary>Runs one explicit test of this assembly in a fresh process.</summary>
internal static class ChildTests
{
    /// <param name="method">Full name, <c>Namespace.Class.Method</c>.</param>
    /// <param name="environment">Added to this process's.</param>
    public static async Task RunAsync(string method, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { "-method", method, "-explicit", "on" },
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var child = Process.Start(start)!;
        var output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(child.ExitCode == 0, output);
    }
}
