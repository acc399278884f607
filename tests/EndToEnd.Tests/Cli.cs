using System.Reflection;
using System.Text.Json;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Runs the real client as a user does: a process of its own, its text and its exit code.</summary>
internal sealed class Cli(string store)
{
    /// <summary>The collection of all tests here: each starts processes that want both cores.</summary>
    public const string OneAtATime = "processes";

    public string Store { get; } = store;

    public static string ClientPath { get; } = Built("SlowrunClient");

    public static string SiloPath { get; } = Built("SlowrunSilo");

    /// <summary>Starts a command and leaves it running; the caller disposes it, which kills what is left of it.</summary>
    public CliProcess Start(params string[] arguments) => new(Store, arguments, []);

    public Task<CliResult> RunAsync(params string[] arguments) => RunAsync([], arguments);

    /// <param name="environment">Variables for the client and what it starts.</param>
    public async Task<CliResult> RunAsync(Dictionary<string, string> environment, params string[] arguments)
    {
        using var process = new CliProcess(Store, arguments, environment);
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
