using System.Diagnostics;

namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>Prometheus' own checker, an independent reader of what is written for it.</summary>
internal static class Promtool
{
    public const string Missing = "promtool is not installed; Debian has it in the package 'prometheus'.";

    private static readonly string? Found = (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':')
        .Select(folder => Path.Combine(folder, "promtool"))
        .FirstOrDefault(File.Exists);

    public static bool IsHere => Found is not null;

    public static async Task<(int Exit, string Output)> RunAsync(IReadOnlyList<string> arguments, string input)
    {
        using var process = Process.Start(
            new ProcessStartInfo(Found!, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }
}
