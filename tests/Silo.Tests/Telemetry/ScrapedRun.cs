using System.Globalization;
using System.Text.RegularExpressions;
using Slowrun.Core.Plan;
using Slowrun.Grains.Tests;
using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>A run that a silo has carried out, and what its HTTP port said while it trained and afterwards.</summary>
public sealed partial class ScrapedRun : IAsyncLifetime
{
    public string WhileTraining { get; private set; } = "";

    public string Afterwards { get; private set; } = "";

    /// <summary>Steps of all stages.</summary>
    public int Steps { get; private set; }

    public async ValueTask InitializeAsync()
    {
        var store = new HeldUploads(new MemoryStore());
        await using var run = new LocalRun(store, "scraped");
        await run.SubmitAsync();
        await using var silo = await TestSilo.StartAsync(run.Store, "scraped-silo", metadata: null, TestContext.Current.CancellationToken);
        // The first stage's steps and some of the second's, whose loss shows from its first step on, and whose rate from its second.
        await Until.HoldsAsync(async () =>
            (WhileTraining = await silo.GetAsync("/metrics")).Contains("slowrun_stage_loss{", StringComparison.Ordinal)
            && WhileTraining.Contains("slowrun_stage_throughput_per_second{", StringComparison.Ordinal)
            && Value(WhileTraining, "slowrun_stage_steps_total") > 8
        );

        store.LetGo();
        await Until.HoldsAsync(async () => Readiness.StateOf(await run.FactsAsync()) == RunState.Succeeded);

        var facts = await run.FactsAsync();
        Steps = facts.Roots.Values.Sum(root => root.Steps);
        // The slot loop looks again, and an answer may be some tenths of a second old.
        await Until.HoldsAsync(async () =>
            Value(Afterwards = await silo.GetAsync("/metrics"), "slowrun_ensemble_members") == facts.Plan.Members.Count()
        );
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Sum over the run's samples of a series; null where there is none.</summary>
    public static double? Value(string scrape, string series)
    {
        var samples = Samples(scrape)
            .Where(sample => sample.Series == series && sample.Labels.GetValueOrDefault("run", "scraped") == "scraped")
            .ToList();
        return samples.Count == 0 ? null : samples.Sum(sample => sample.Value);
    }

    public static IEnumerable<(string Series, Dictionary<string, string> Labels, double Value)> Samples(string scrape) =>
        from line in scrape.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        where line[0] != '#'
        let sample = Sample().Match(line)
        let labels = Label()
            .Matches(sample.Groups["labels"].Value)
            .ToDictionary(label => label.Groups[1].Value, label => label.Groups[2].Value)
        select (
            sample.Groups["name"].Value,
            labels,
            double.Parse(sample.Groups["value"].Value.Replace("Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture)
        );

    /// <summary>The whole of a line, or the format is broken.</summary>
    [GeneratedRegex(
        """^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)*)\})? (?<value>[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf|NaN))(?: [0-9]+)?$"""
    )]
    internal static partial Regex Sample();

    /// <summary>The second stage cannot end before its checkpoints are let go.</summary>
    private sealed class HeldUploads(IObjectStore inner) : DelegatingStore(inner)
    {
        private readonly TaskCompletionSource letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void LetGo() => letGo.TrySetResult();

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (
                operation.Kind == "create"
                && operation.Name.Contains("/stage1/", StringComparison.Ordinal)
                && !operation.Name.Contains("/root", StringComparison.Ordinal)
            )
            {
                await letGo.Task.WaitAsync(operation.Cancellation);
            }

            return await run();
        }
    }

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)",?""")]
    private static partial Regex Label();
}
