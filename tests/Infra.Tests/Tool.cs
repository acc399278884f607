using System.Diagnostics;

namespace Slowrun.Infra.Tests;

/// <summary>Runs programs of this machine.</summary>
internal static class Tool
{
    /// <summary>Skips the test where the machine lacks a program; CI installs them.</summary>
    public static void Need(params string[] programs)
    {
        var missing = programs.Where(program => Find(program) is null).ToList();
        Assert.SkipWhen(missing.Count > 0, $"This machine has no {string.Join(" and no ", missing)} (.ci/run installs them as root).");
    }

    public static Task<ToolResult> RunAsync(string program, params string[] arguments) => RunAsync([], program, arguments);

    public static async Task<ToolResult> RunAsync(Dictionary<string, string> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new ToolResult(process.ExitCode, await output, await errors);
    }

    /// <summary>Runs a program that must succeed.</summary>
    public static async Task<string> DoAsync(string program, params string[] arguments)
    {
        var result = await RunAsync(program, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException(
                $"'{program} {string.Join(' ', arguments)}' ended with {result.ExitCode}: {result.Error}{result.Output}"
            );
    }

    private static string? Find(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin"
            .Split(':')
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}

internal sealed record ToolResult(int ExitCode, string Output, string Error);
