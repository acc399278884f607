using System.Diagnostics;
using System.Reflection;
using System.Text;
using System.Text.Json;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Runs the real client as a user does: a process of its own, its text and its exit code.</summary>
internal sealed class Cli(string store)
{
    public string Store { get; } = store;

    public static string ClientPath { get; } = Built("SlowrunClient");

    public static string SiloPath { get; } = Built("SlowrunSilo");

    /// <summary>Starts a command and leaves it running; the caller disposes it, which kills what is left of it.</summary>
    public CliProcess Start(params string[] arguments) => new(Store, arguments);

    public async Task<CliResult> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        return await process.EndAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Runs a command that must succeed and parses what it prints.</summary>
    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var result = await RunAsync([.. arguments, "-o", "json"]);
        Assert.True(result.ExitCode == 0, $"slowrun {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}{result.Output}");
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }

    private static string Built(string key) =>
        typeof(Cli).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value
            ?? throw new InvalidOperationException($"The build did not say where {key} is.");
}

internal sealed record CliResult(int ExitCode, string Output, string Error);

/// <summary>A running client process.</summary>
internal sealed class CliProcess : IDisposable
{
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();

    public CliProcess(string store, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(Cli.ClientPath);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["SLOWRUN_STORE"] = store;
        start.Environment["SLOWRUN_SILO"] = Cli.SiloPath;
        start.Environment["NO_COLOR"] = "1";
        Process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        Process.OutputDataReceived += (_, line) => Keep(output, line.Data);
        Process.ErrorDataReceived += (_, line) => Keep(error, line.Data);
        Process.BeginOutputReadLine();
        Process.BeginErrorReadLine();
    }

    public Process Process { get; }

    public string Output => Read(output);

    public string Error => Read(error);

    public async Task<CliResult> EndAsync(CancellationToken cancellationToken)
    {
        await Process.WaitForExitAsync(cancellationToken);
        return new CliResult(Process.ExitCode, Output, Error);
    }

    public void Dispose()
    {
        if (!Process.HasExited)
        {
            Process.Kill(entireProcessTree: true);
            Process.WaitForExit();
        }

        Process.Dispose();
    }

    private static void Keep(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.AppendLine(line);
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
