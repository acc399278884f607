using System.Text.Json;
using System.Text.RegularExpressions;

namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>Holds the dashboard and docs/telemetry.md to the labels that a silo's series have.</summary>
[Collection(Metric.OneAtATime)]
public sealed partial class DashboardTests(ScrapedRun run) : IClassFixture<ScrapedRun>
{
    // What Prometheus itself adds, and what a histogram's buckets have.
    private static readonly string[] OfAll = ["instance", "job", "le"];

    // Which meter a series is of, not what it is about: no panel asks for it.
    private const string Scope = "otel_scope_";

    private static readonly Dictionary<string, string[]> Documented = ReadTable();

    [Fact]
    public void Series_OfASilo_HaveTheLabelsThatTheirRowSays()
    {
        var seen = ScrapedRun.Samples(run.WhileTraining + run.Afterwards).Where(sample => Documented.ContainsKey(sample.Series)).ToList();

        Assert.True(seen.Select(sample => sample.Series).Distinct().Count() > 40);
        Assert.All(
            seen,
            sample =>
                Assert.Equal(
                    Documented[sample.Series].Order(StringComparer.Ordinal),
                    sample
                        .Labels.Keys.Where(label => label != "le" && !label.StartsWith(Scope, StringComparison.Ordinal))
                        .Order(StringComparer.Ordinal)
                )
        );
    }

    [Fact]
    public void Series_OfTheRuntimeThatPanelsAskFor_AreExported()
    {
        var exported = ScrapedRun.Samples(run.Afterwards).Select(sample => sample.Series).ToHashSet(StringComparer.Ordinal);
        var asked = Targets().SelectMany(target => target.Series).Where(series => !series.StartsWith("slowrun_", StringComparison.Ordinal));

        Assert.NotEmpty(asked);
        Assert.All(asked, series => Assert.Contains(series, exported));
    }

    [Fact]
    public void Panels_InEveryQuery_GroupFilterAndNameByLabelsThatAreThere()
    {
        foreach (var target in Targets())
        {
            var labels = target.Series.Select(LabelsOf).Aggregate((one, other) => [.. one.Intersect(other)]);

            Assert.All(
                target.Groups.Concat(target.Filters),
                label => Assert.True(labels.Contains(label), $"'{label}' is no label of all in {target.Query}")
            );
            // What was not grouped by is gone.
            var left = target.IsAggregated ? target.Groups : labels;
            Assert.All(target.Named, label => Assert.True(left.Contains(label), $"'{label}' of the legend is not left by {target.Query}"));
        }
    }

    /// <summary>Two silos report a stage or run for a moment when it moves, and the line of each would end there.</summary>
    [Fact]
    public void Panels_OfWhatMovesFromSiloToSilo_JoinItIntoOneLine()
    {
        var moving = Metric
            .All.Where(metric => metric is { IsCounter: false, IsHistogram: false } && Documented[metric.Family].Contains("run"))
            .Select(metric => metric.Family)
            .ToList();
        var asked = Targets().Where(target => target.Series.Any(moving.Contains)).ToList();

        Assert.NotEmpty(asked);
        Assert.All(asked, target => Assert.Equal(target.Series.Length, MaxBy().Count(target.Query)));
    }

    [Fact]
    public void Variables_OfTheDashboard_AreFilledFromSeriesThatAreThere()
    {
        using var dashboard = JsonDocument.Parse(Read("slowrun.json"));
        var queries = dashboard
            .RootElement.GetProperty("templating")
            .GetProperty("list")
            .EnumerateArray()
            .Where(variable => variable.GetProperty("type").GetString() == "query")
            .Select(variable => variable.GetProperty("query").GetProperty("query").GetString()!)
            .ToList();

        Assert.NotEmpty(queries);
        Assert.All(
            queries,
            query =>
            {
                var values = LabelValues().Match(query);
                Assert.True(values.Success, query);
                Assert.Contains(values.Groups[2].Value, LabelsOf(values.Groups[1].Value));
            }
        );
    }

    private static string[] LabelsOf(string series) => [.. Documented.TryGetValue(series, out var labels) ? labels : [], .. OfAll];

    /// <summary>Series and their labels, as the page of telemetry has them.</summary>
    private static Dictionary<string, string[]> ReadTable()
    {
        var rows = Read("telemetry.md")
            .Split('\n')
            .Where(line => line.StartsWith("| `slowrun.", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .ToDictionary(cells => cells[1].Trim('`'), cells => LabelsIn(cells[4]), StringComparer.Ordinal);
        return Metric
            .All.SelectMany(metric => metric.Series.Select(series => (series, Labels: rows[metric.Name])))
            .ToDictionary(pair => pair.series, pair => pair.Labels, StringComparer.Ordinal);
    }

    /// <summary>As in <c>run, kind: `fitness`, `validation`</c>: the last one may be followed by its values.</summary>
    private static string[] LabelsIn(string cell) =>
        cell.Split(':')[0].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static List<Target> Targets()
    {
        using var dashboard = JsonDocument.Parse(Read("slowrun.json"));
        return
        [
            .. dashboard
                .RootElement.GetProperty("panels")
                .EnumerateArray()
                .Where(panel => panel.TryGetProperty("targets", out _))
                .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
                .Select(target => new Target(target.GetProperty("expr").GetString()!, target.GetProperty("legendFormat").GetString()!)),
        ];
    }

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(DashboardTests).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private sealed record Target(string Query, string Legend)
    {
        public string[] Series => [.. SeriesName().Matches(Query).Select(match => match.Value)];

        public bool IsAggregated => Aggregation().IsMatch(Query);

        public string[] Groups =>
            [.. By().Matches(Query).SelectMany(match => match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries)).Distinct()];

        public string[] Filters => [.. Filter().Matches(Query).Select(match => match.Groups[1].Value).Distinct()];

        public string[] Named => [.. LegendName().Matches(Legend).Select(match => match.Groups[1].Value)];
    }

    [GeneratedRegex(@"\b(slowrun|dotnet|process|orleans)_[a-z0-9_]+")]
    private static partial Regex SeriesName();

    [GeneratedRegex(@"\b(sum|max|min|avg|count)\b")]
    private static partial Regex Aggregation();

    [GeneratedRegex(@"\bby \(([^)]*)\)")]
    private static partial Regex By();

    [GeneratedRegex(@"\bmax by \(")]
    private static partial Regex MaxBy();

    [GeneratedRegex(@"[{,]([a-z_]+)(?==|!=|=~|!~)")]
    private static partial Regex Filter();

    [GeneratedRegex(@"\{\{([a-z_]+)\}\}")]
    private static partial Regex LegendName();

    [GeneratedRegex(@"^label_values\((\w+), (\w+)\)$")]
    private static partial Regex LabelValues();
}
