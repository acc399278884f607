namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>What <c>/metrics</c> says of a run.</summary>
[Collection(Metric.OneAtATime)]
public sealed class MetricsTests(ScrapedRun run) : IClassFixture<ScrapedRun>
{
    // What a short calm run on a store in memory does not have: losses, errors, a cloud store, GPUs, heartbeats.
    private static readonly string[] Unseen =
    [
        "slowrun_checkpoint_damaged",
        "slowrun_checkpoint_failures",
        "slowrun_checkpoint_interval",
        "slowrun_device_",
        "slowrun_silo_heartbeat_",
        "slowrun_silo_notices",
        "slowrun_stage_failures",
        "slowrun_stage_fences",
        "slowrun_stage_lost_steps",
        "slowrun_stage_preemptions",
        "slowrun_store_",
    ];

    [Fact]
    public void Scrape_AfterARun_CountsWhatWasDone()
    {
        Assert.Equal(run.Steps, ScrapedRun.Value(run.Afterwards, "slowrun_stage_steps_total"));
        Assert.Equal(run.Steps, ScrapedRun.Value(run.Afterwards, "slowrun_stage_step_duration_seconds_count"));
        Assert.Equal(run.Steps * 64, ScrapedRun.Value(run.Afterwards, "slowrun_stage_tokens_total"));
        Assert.Equal(2, ScrapedRun.Value(run.Afterwards, "slowrun_stage_takes_total"));
        Assert.Equal(2, ScrapedRun.Value(run.Afterwards, "slowrun_stage_finishes_total"));
        Assert.Equal(2, ScrapedRun.Value(run.Afterwards, "slowrun_stage_restore_duration_seconds_count"));
        Assert.Equal(2, ScrapedRun.Value(run.Afterwards, "slowrun_stage_first_step_duration_seconds_count"));
        Assert.Equal(run.Steps, ScrapedRun.Value(run.Afterwards, "slowrun_run_durable_steps"));
        Assert.Equal(2, ScrapedRun.Value(run.Afterwards, "slowrun_run_stages"));
        Assert.Equal(2, ScrapedRun.Value(run.Afterwards, "slowrun_ensemble_members"));
        Assert.True(ScrapedRun.Value(run.Afterwards, "slowrun_ensemble_loss") > 0);
        Assert.Equal(0, ScrapedRun.Value(run.Afterwards, "slowrun_run_preemptions"));
        Assert.Null(ScrapedRun.Value(run.Afterwards, "slowrun_stage_preemptions_total"));
        var commits = ScrapedRun.Value(run.Afterwards, "slowrun_checkpoint_commits_total");
        Assert.True(commits >= 2);
        Assert.Equal(commits, ScrapedRun.Value(run.Afterwards, "slowrun_checkpoint_commit_duration_seconds_count"));
        Assert.Equal(commits, ScrapedRun.Value(run.Afterwards, "slowrun_checkpoint_upload_duration_seconds_count"));
    }

    [Fact]
    public void Scrape_WhileAStageTrains_ShowsItsStateAndAfterwardsNoMore()
    {
        Assert.True(ScrapedRun.Value(run.WhileTraining, "slowrun_stage_loss") > 0);
        Assert.True(ScrapedRun.Value(run.WhileTraining, "slowrun_stage_position") > 0);
        Assert.Equal(run.Steps / 2, ScrapedRun.Value(run.WhileTraining, "slowrun_stage_length"));
        Assert.True(ScrapedRun.Value(run.WhileTraining, "slowrun_run_time_seconds") > 0);
        Assert.Contains("slowrun_silo_slots", run.WhileTraining, StringComparison.Ordinal);
        Assert.Null(ScrapedRun.Value(run.Afterwards, "slowrun_stage_loss"));
        Assert.Null(ScrapedRun.Value(run.Afterwards, "slowrun_checkpoint_age_seconds"));
    }

    [Fact]
    public void Scrape_OfASilo_HasOnlySeriesAndUnitsThatItsInstrumentsSay()
    {
        var known = Metric.All.SelectMany(metric => metric.Series).ToHashSet(StringComparer.Ordinal);
        var told = ScrapedRun
            .Samples(run.WhileTraining + run.Afterwards)
            .Select(sample => sample.Series)
            .Where(series => series.StartsWith("slowrun_", StringComparison.Ordinal))
            .ToHashSet(StringComparer.Ordinal);

        Assert.Empty(told.Except(known));
        Assert.All(known.Except(told), series => Assert.Contains(Unseen, unseen => series.StartsWith(unseen, StringComparison.Ordinal)));
    }

    [Fact]
    public void Scrape_OfASilo_IsTheTextFormatLineByLine()
    {
        var types = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in run.WhileTraining.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Split(' ') is ["#", "TYPE", var name, var type])
            {
                Assert.True(types.TryAdd(name, type), $"{name} has two types.");
            }
            else if (line[0] != '#')
            {
                Assert.Matches(ScrapedRun.Sample(), line);
            }
        }

        Assert.All(
            Metric.All.Where(metric => types.ContainsKey(metric.Family)),
            metric =>
                Assert.Equal(
                    metric.IsCounter ? "counter"
                        : metric.IsHistogram ? "histogram"
                        : "gauge",
                    types[metric.Family]
                )
        );
    }

    [Fact]
    public async Task Scrape_OfASilo_PassesPrometheusOwnCheck()
    {
        Assert.SkipUnless(Promtool.IsHere, Promtool.Missing);
        foreach (var scrape in new[] { run.WhileTraining, run.Afterwards })
        {
            var (exit, output) = await Promtool.RunAsync(["check", "metrics"], scrape);
            // 3: all can be read, and names could be better. Those that Orleans chose are Orleans'.
            Assert.True(exit is 0 or 3, output);
            Assert.All(
                output.Split('\n', StringSplitOptions.RemoveEmptyEntries),
                complaint => Assert.StartsWith("orleans_", complaint, StringComparison.Ordinal)
            );
        }
    }

    [Fact]
    public void Scrape_OfASilo_HasOrleansOwnInstruments()
    {
        var orleans = ScrapedRun
            .Samples(run.Afterwards)
            .Select(sample => sample.Series)
            .Where(series => series.StartsWith("orleans_", StringComparison.Ordinal))
            .ToList();

        foreach (
            var series in (string[])
                [
                    "orleans_catalog_activations",
                    "orleans_storage_write_latency_milliseconds_count",
                    "orleans_app_requests_latency_milliseconds_count",
                ]
        )
        {
            Assert.True(orleans.Contains(series), $"{series} is not among {string.Join(' ', orleans.Distinct())}");
        }

        Assert.True(orleans.Count < 500, $"{orleans.Count} samples of Orleans' own");
    }
}
