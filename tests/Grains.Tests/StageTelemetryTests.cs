using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;

namespace Slowrun.Grains.Tests;

/// <summary>What is counted and traced where owners are lost.</summary>
public sealed class StageTelemetryTests
{
    private static readonly StageId Stage = new(0, 0);

    [Fact]
    public async Task Take_AfterALoss_CountsItAndPointsToTheLostOwnersTrace()
    {
        using var heard = new Heard("lost-owner");
        await using var run = new LocalRun(new MemoryStore(), "lost-owner");
        await run.SubmitAsync();
        await run.TakeAsync(Stage);
        var lost = (await run.FactsAsync()).RootOf(Stage).TraceParent!;

        await run.TakeAsync(Stage);

        Assert.Equal(1, heard.Sum("slowrun.stage.takes", "nobody"));
        Assert.Equal(1, heard.Sum("slowrun.stage.takes", "loss"));
        Assert.Equal(1, heard.Sum("slowrun.stage.preemptions", "vanished"));
        var takes = heard.OfRun.Where(span => span.OperationName == Spans.Take).OrderBy(span => span.StartTimeUtc).ToList();
        Assert.Equal(2, takes.Count);
        Assert.Equal(lost, takes[0].Id);
        Assert.NotEqual(takes[0].TraceId, takes[1].TraceId);
        Assert.Equal(takes[0].Context.SpanId, Assert.Single(takes[1].Links).Context.SpanId);
    }

    [Fact]
    public async Task Owner_ThatIsFenced_CountsTheFenceAndNoPreemption()
    {
        using var heard = new Heard("fenced-owner");
        await using var run = new LocalRun(new MemoryStore(), "fenced-owner");
        await run.SubmitAsync(spec => spec with { Recipe = spec.Recipe with { Stage = spec.Recipe.Stage with { Epochs = 5000 } } });
        var first = await run.TakeAsync(Stage);
        first.Start();
        await first.FirstStep;
        await run.TakeAsync(Stage);

        Assert.Equal(StopReason.Fenced, await first.Completion);
        Assert.Equal(1, heard.Sum("slowrun.stage.fences"));
        Assert.Equal(1, heard.Sum("slowrun.stage.takes", "loss"));
        Assert.True(heard.Sum("slowrun.stage.steps") > 0);
    }

    [Fact]
    public async Task Checkpoint_BehindTheTraining_IsATraceOfItsOwnThatPointsToTheTake()
    {
        using var heard = new Heard("calm-owner");
        await using var run = new LocalRun(new MemoryStore(), "calm-owner");
        await run.SubmitAsync();
        await run.StepAsync();

        var take = Assert.Single(heard.OfRun, span => span.OperationName == Spans.Take);
        var checkpoints = heard.OfRun.Where(span => span.OperationName == Spans.Checkpoint).ToList();
        Assert.NotEmpty(checkpoints);
        Assert.All(
            checkpoints,
            checkpoint =>
            {
                Assert.Equal(default, checkpoint.ParentSpanId);
                Assert.Equal(take.Context.SpanId, Assert.Single(checkpoint.Links).Context.SpanId);
                Assert.Equal(
                    [Spans.Capture, Spans.Upload, Spans.Commit],
                    heard
                        .All.Where(span => span.ParentSpanId == checkpoint.SpanId)
                        .OrderBy(span => span.StartTimeUtc)
                        .Select(span => span.OperationName)
                );
            }
        );
        Assert.Equal(1, heard.Sum("slowrun.stage.finishes"));
    }

    /// <summary>What is said of one run, whatever other tests do meanwhile.</summary>
    private sealed class Heard : IDisposable
    {
        private readonly string run;
        private readonly ConcurrentQueue<(string Name, double Value, string[] Labels)> measured = [];
        private readonly ConcurrentQueue<Activity> spans = [];
        private readonly MeterListener meters;
        private readonly ActivityListener activities;

        public Heard(string run)
        {
            this.run = run;
            meters = new MeterListener
            {
                InstrumentPublished = (instrument, listener) =>
                {
                    if (instrument.Meter.Name == Instruments.Name)
                    {
                        listener.EnableMeasurementEvents(instrument);
                    }
                },
            };
            meters.SetMeasurementEventCallback<long>((instrument, value, labels, _) => Keep(instrument, value, labels));
            meters.Start();
            activities = new ActivityListener
            {
                ShouldListenTo = source => source.Name == Instruments.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = spans.Enqueue,
            };
            ActivitySource.AddActivityListener(activities);
        }

        public IEnumerable<Activity> All => spans;

        public IEnumerable<Activity> OfRun => spans.Where(span => Equals(span.GetTagItem(Instruments.Run), run));

        public double Sum(string name, string? label = null) =>
            measured
                .Where(one => one.Name == name && one.Labels.Contains(run) && (label is null || one.Labels.Contains(label)))
                .Sum(one => one.Value);

        public void Dispose()
        {
            meters.Dispose();
            activities.Dispose();
        }

        private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> labels) =>
            measured.Enqueue((instrument.Name, value, [.. labels.ToArray().Select(label => label.Value?.ToString() ?? "")]));
    }
}
