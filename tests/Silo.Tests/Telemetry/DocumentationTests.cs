using System.Text.Json;
using System.Text.RegularExpressions;

namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>Holds docs/telemetry.md and the dashboard to the instruments.</summary>
[Collection(Metric.OneAtATime)]
public sealed partial class DocumentationTests
{
    // .NET's own instruments, which a dashboard may show beside ours.
    private const string Runtime = "dotnet_process_memory_working_set_bytes";

    [Fact]
    public void Page_OfTelemetry_ExplainsEveryInstrumentAndNoOther()
    {
        var rows = Read("telemetry.md").Split('\n').Where(line => line.StartsWith("| `slowrun.", StringComparison.Ordinal)).ToList();

        Assert.All(
            Metric.All,
            metric =>
                Assert.Contains(
                    rows,
                    row =>
                        row.StartsWith($"| `{metric.Name}` | `{metric.Family}` | {Words(metric.Unit)} |", StringComparison.Ordinal)
                        && row.EndsWith($"| {metric.Description} |", StringComparison.Ordinal)
                )
        );
        Assert.Equal(Metric.All.Count, rows.Count);
    }

    [Fact]
    public void Instruments_OfASilo_AreNamedAndMeasuredAsOpenTelemetryWants()
    {
        Assert.All(
            Metric.All,
            metric =>
            {
                Assert.Matches(@"^slowrun(\.[a-z]+(_[a-z]+)*){2,3}$", metric.Name);
                Assert.Matches(@"^(s|By|1|\{[a-z]+\}(/s)?)$", metric.Unit);
                Assert.EndsWith(".", metric.Description, StringComparison.Ordinal);
            }
        );
        // No instrument's name is another's namespace.
        Assert.DoesNotContain(
            Metric.All,
            metric => Metric.All.Any(other => other.Name.StartsWith(metric.Name + ".", StringComparison.Ordinal))
        );
    }

    [Fact]
    public void Dashboard_InEveryExpression_NamesOnlySeriesThatAreThere()
    {
        var known = Metric.All.SelectMany(metric => metric.Series).Append(Runtime).ToHashSet(StringComparer.Ordinal);

        Assert.NotEmpty(Expressions());
        Assert.All(
            Expressions(),
            expression =>
            {
                var named = Named().Matches(expression).Select(match => match.Value).ToList();
                Assert.NotEmpty(named);
                Assert.All(named, name => Assert.Contains(name, known));
            }
        );
    }

    [Fact]
    public void Dashboard_AsAWhole_ShowsEveryInstrument()
    {
        var shown = Expressions()
            .SelectMany(expression => Named().Matches(expression))
            .Select(match => match.Value)
            .ToHashSet(StringComparer.Ordinal);
        Assert.All(Metric.All, metric => Assert.True(metric.Series.Any(shown.Contains), $"{metric.Name} is on no panel."));
    }

    [Fact]
    public async Task Dashboard_InEveryExpression_IsValidForPrometheus()
    {
        Assert.SkipUnless(Promtool.IsHere, Promtool.Missing);
        var rules = Expressions()
            .Select(
                (expression, i) =>
                    $"""
                      - record: panel:{i}
                        expr: {JsonSerializer.Serialize(
                        expression.Replace("$__rate_interval", "5m", StringComparison.Ordinal).Replace(
                            "$__range",
                            "1h",
                            StringComparison.Ordinal
                        )
                    )}
                    """
            );
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                file,
                "groups:\n- name: dashboard\n  rules:\n" + string.Join('\n', rules),
                TestContext.Current.CancellationToken
            );
            var (exit, output) = await Promtool.RunAsync(["check", "rules", file], "");
            Assert.True(exit == 0, output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static List<string> Expressions()
    {
        using var dashboard = JsonDocument.Parse(Read("slowrun.json"));
        return [.. Of(dashboard.RootElement)];

        static IEnumerable<string> Of(JsonElement element) =>
            element.ValueKind switch
            {
                JsonValueKind.Object => element
                    .EnumerateObject()
                    .SelectMany(member =>
                        member is { Name: "expr", Value.ValueKind: JsonValueKind.String } ? [member.Value.GetString()!] : Of(member.Value)
                    ),
                JsonValueKind.Array => element.EnumerateArray().SelectMany(Of),
                _ => [],
            };
    }

    private static string Words(string unit) =>
        unit switch
        {
            "1" => "ratio",
            "s" or "By" => unit,
            _ => $"`{unit}`",
        };

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(DocumentationTests).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"\b(slowrun|dotnet|process|otel)_[a-z0-9_]+")]
    private static partial Regex Named();
}
