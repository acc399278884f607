using System.Globalization;
using System.Text.RegularExpressions;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Slowrun.Grains.Tests;
using Slowrun.Storage;

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
        var run = new LocalRun(new MemoryStore(), "scraped");
        await run.SubmitAsync(spec => spec with { Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 100 } } });
        await using var silo = await TestSilo.StartAsync(run.Store, "scraped-silo", metadata: null, TestContext.Current.CancellationToken);
        RunFacts facts;
        do
        {
            // Until the end, each answer replaces the one before; a stage at work shows only in some.
            var answer = await silo.GetAsync("/metrics");
            if (answer.Contains("slowrun_checkpoint_age_seconds{", StringComparison.Ordinal) && Value(answer, "slowrun_stage_steps_total") > 0)
            {
                WhileTraining = answer;
            }

            facts = await run.FactsAsync();
        }
        while (Readiness.StateOf(facts) != RunState.Succeeded);

        Steps = facts.Roots.Values.Sum(root => root.Steps);
        while (!(Afterwards = await silo.GetAsync("/metrics")).Contains("slowrun_ensemble_loss{", StringComparison.Ordinal))
        {
            // The slot loop looks again.
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Sum over the run's samples of a series; null where there is none.</summary>
    public static double? Value(string scrape, string series)
    {
        var samples = Samples(scrape).Where(sample => sample.Series == series && sample.Labels.GetValueOrDefault("run", "scraped") == "scraped").ToList();
        return samples.Count == 0 ? null : samples.Sum(sample => sample.Value);
    }

    public static IEnumerable<(string Series, Dictionary<string, string> Labels, double Value)> Samples(string scrape) =>
        from line in scrape.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        where line[0] != '#'
        let sample = Sample().Match(line)
        let labels = Label().Matches(sample.Groups["labels"].Value).ToDictionary(label => label.Groups[1].Value, label => label.Groups[2].Value)
        select (sample.Groups["name"].Value, labels, double.Parse(sample.Groups["value"].Value.Replace("Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture));

    /// <summary>The whole of a line, or the format is broken.</summary>
    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)*)\})? (?<value>[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf|NaN))(?: [0-9]+)?$""")]
    internal static partial Regex Sample();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)",?""")]
    private static partial Regex Label();
}
