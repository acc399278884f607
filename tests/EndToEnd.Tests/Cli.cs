using System.Reflection;
using System.Text.Json;
using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Runs;

namespace Slowrun.EndToEnd.Tests;

/// <summary>
/// Runs the real client as a user does: a separate process, with its output and its exit code. Its text is a tenth of the SDK's
/// documentation: all of it would cost each run and submission 1.6 s of processor time. The walkthrough has all of it.
/// </summary>
/// <param name="store">A directory or an address.</param>
/// <param name="connectionString">Of the storage account, where the store is one.</param>
internal sealed class Cli(string store, string? connectionString = null)
{
    /// <summary>The collection of tests that train for most of their time: one of them wants both cores.</summary>
    public const string Training = "training";

    /// <summary>The collection of tests that mostly start programs and wait for what they do, beside the others. Those of the calm run's
    /// store are all in it.</summary>
    public const string Waiting = "waiting";

    public string Store { get; } = store;

    public static string ClientPath { get; } = Built("SlowrunClient");

    public static string SiloPath { get; } = Built("SlowrunSilo");

    /// <summary>Starts a command and leaves it running; the caller disposes it, which kills what is left of it.</summary>
    public CliProcess Start(params string[] arguments) => Start([], arguments);

    /// <param name="environment">Variables for the command and what it starts.</param>
    public CliProcess Start(Dictionary<string, string> environment, params string[] arguments) =>
        new(Store, arguments, WithOurs(environment));

    public Task<CliResult> RunAsync(params string[] arguments) => RunAsync([], arguments);

    /// <param name="environment">Variables for the client and what it starts.</param>
    public async Task<CliResult> RunAsync(Dictionary<string, string> environment, params string[] arguments)
    {
        using var process = new CliProcess(Store, arguments, WithOurs(environment));
        return await process.EndAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Runs a command that must succeed and parses what it prints.</summary>
    public async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var result = await RunAsync([.. arguments, "-o", "json"]);
        Assert.True(
            result.ExitCode == 0,
            $"slowrun {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}{result.Output}"
        );
        using var document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }

    /// <summary>What the store knows of a run now; null where it knows none.</summary>
    public async Task<RunFacts?> FactsAsync(string run, CancellationToken stop) =>
        await new RunFactsReader(await OpenStoreAsync(stop)).ReadAsync(run, new HashSet<string>(), stop);

    public async Task<IObjectStore> OpenStoreAsync(CancellationToken stop) =>
        connectionString is null
            ? await StoreAddress.OpenAsync(Store, create: true, cancellationToken: stop)
            : await AzureBlobStore.OpenAsync(Store, create: true, connectionString, cancellationToken: stop);

    /// <summary>Waits until the run is as far as that.</summary>
    /// <param name="running">A process that must not end before.</param>
    public async Task UntilAsync(string run, CliProcess running, Func<RunFacts, bool> reached) =>
        await running.UntilAsync(async stop => await FactsAsync(run, stop) is { } facts && reached(facts));

    /// <summary>Waits until the run has made at least so many more durable steps.</summary>
    public async Task TrainingAsync(string run, CliProcess running, int steps)
    {
        int? from = null;
        await UntilAsync(
            run,
            running,
            facts =>
            {
                var durable = facts.Roots.Values.Sum(root => root.DurableStep);
                from ??= durable;
                return durable >= from + steps || Readiness.StateOf(facts) == RunState.Succeeded;
            }
        );
    }

    private Dictionary<string, string> WithOurs(Dictionary<string, string> environment)
    {
        var all = new Dictionary<string, string>(environment);
        if (connectionString is not null)
        {
            all["AZURE_STORAGE_CONNECTION_STRING"] = connectionString;
        }

        all["DOTNET_ROOT"] = Path.Combine(AppContext.BaseDirectory, "Docs");
        return all;
    }

    private static string Built(string key) =>
        typeof(Cli).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value
        ?? throw new InvalidOperationException($"The build did not say where {key} is.");
}

internal sealed record CliResult(int ExitCode, string Output, string Error);
