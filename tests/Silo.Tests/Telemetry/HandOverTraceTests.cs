using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;
using Slowrun.Core.Plan;
using Slowrun.Fleet.Chaos.Platform;
using Slowrun.Grains.Telemetry;
using Slowrun.Grains.Tests;
using Slowrun.Silo.Hosting;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests.Telemetry;

/// <summary>Two whole silos on one store: one is preempted, the other takes over.</summary>
[Collection(Metric.OneAtATime)]
public sealed class HandOverTraceTests
{
    private static readonly StageId Stage = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Trace_OfAPreemption_ReadsFromTheNoticeToTheFirstStepOnAnotherSilo()
    {
        var spans = new List<Activity>();
        var provider = TelemetryExport.AddSources(Sdk.CreateTracerProviderBuilder()).AddInMemoryExporter(spans).Build();
        await using var run = new LocalRun(new MemoryStore(), "handed-over");
        await run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 20000 } },
                Operations = spec.Operations with
                {
                    CheckpointAtLeastEvery = TimeSpan.FromHours(1),
                    CheckpointAtMostEvery = TimeSpan.FromHours(1),
                },
            }
        );
        await using var server = new MetadataServer();
        await using (var first = await TestSilo.StartAsync(run.Store, "first", server.Address, Stop))
        {
            await UntilAsync(run, facts => facts.Progress.GetValueOrDefault(Stage)?.Step > 0);
            await using var second = await TestSilo.StartAsync(run.Store, "second", metadata: null, Stop);
            await second.UntilReadyAsync();

            server.Announce("Preempt", TimeProvider.System.GetUtcNow().AddSeconds(60), "trainer_3");
            await first.UntilStoppedAsync();
            await UntilAsync(run, facts => facts.Progress[Stage] is { EpochToken: 2, FirstStepAt: not null });
            var metrics = await second.GetAsync("/metrics");
            Assert.Contains("slowrun_silo_notices_total{", metrics, StringComparison.Ordinal);
            Assert.Contains("slowrun_stage_preemptions_total{", metrics, StringComparison.Ordinal);

            // Silos come and go: a label that names them would leave series behind for each that ever was.
            var orleans = ScrapedRun
                .Samples(metrics)
                .Where(sample => sample.Series.StartsWith("orleans_", StringComparison.Ordinal))
                .ToList();
            Assert.Contains(orleans, sample => sample.Series == "orleans_messaging_pings_sent_total");
            Assert.Contains(orleans, sample => sample.Series == "orleans_messaging_sent_messages_size_bytes_count");
            Assert.DoesNotContain(
                orleans,
                sample => sample.Labels.Values.Any(value => value.Contains("127.0.0.1", StringComparison.Ordinal))
            );
        }

        provider.Dispose();
        var notice = Assert.Single(spans, span => span.OperationName == Spans.Notice);
        var trace = spans.Where(span => span.TraceId == notice.TraceId).ToList();

        Assert.Equal(
            """
            silo.notice
              silo.leave
                stage.leave
                  stage.checkpoint
                    checkpoint.capture
                    checkpoint.upload
                  stage.release
                    checkpoint.commit
                      stage.take
                        stage.restore
                        stage.first_step
            """,
            string.Join('\n', Story([.. trace.Where(span => span.Source.Name == Instruments.Name)], notice, ""))
        );
        // Orleans' own span of the root's write is within ours.
        var commit = trace.Single(span => span.OperationName == Spans.Commit);
        Assert.Contains(trace, span => span.Source.Name == "Microsoft.Orleans.Storage" && span.ParentSpanId == commit.SpanId);
        Assert.Equal("first", trace.Single(span => span.OperationName == Spans.SiloLeave).GetTagItem("silo"));
        Assert.Equal("second", trace.Single(span => span.OperationName == Spans.Take).GetTagItem("silo"));
        Assert.All(trace, span => Assert.Equal(ActivityStatusCode.Unset, span.Status));
        Assert.Equal("chain0/stage0", trace.Single(span => span.OperationName == Spans.Take).GetTagItem(Instruments.Stage));

        // The stage.leave of the second silo, which was stopped and not preempted, is a separate trace that points to its take.
        var left = Assert.Single(
            spans,
            span =>
                span.OperationName == Spans.Leave
                && span.TraceId != notice.TraceId
                && Equals(span.GetTagItem(Instruments.Run), "handed-over")
        );
        Assert.Equal(notice.TraceId, Assert.Single(left.Links).Context.TraceId);
    }

    /// <summary>A span and those inside it, in the order in which they began.</summary>
    private static IEnumerable<string> Story(List<Activity> trace, Activity span, string indent) =>
        [
            indent + span.OperationName,
            .. trace
                .Where(inner => inner.ParentSpanId == span.SpanId)
                .OrderBy(inner => inner.StartTimeUtc)
                .SelectMany(inner => Story(trace, inner, indent + "  ")),
        ];

    internal static Task UntilAsync(LocalRun run, Func<RunFacts, bool> reached) =>
        Until.HoldsAsync(async () => reached(await run.FactsAsync()));
}
