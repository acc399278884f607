using Slowrun.Core.Stages;
using Slowrun.Reading.Events;

namespace Slowrun.Reading.Tests.Events;

public sealed class TimelineTests
{
    private const string Stage = "chain0/stage0";
    private static readonly DateTimeOffset Begin = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_ALossAndTheNextTakeInOneMoment_EndsTheFirstAndNotTheSecond()
    {
        // In the order of their names in the store, which end in a random number.
        var timeline = Timeline.Of(
            [At(60, "stage-taken", "b"), At(0, "stage-taken", "a"), At(60, "owner-lost", "a", new EventCost(5, 2, 8))]
        );

        Assert.Equal(
            [("a", TimelineEnd.Lost, 52.0), ("b", TimelineEnd.None, double.NaN)],
            timeline.Spans.Select(span => (span.Silo, span.End, span.To is { } to ? (to - span.From).TotalSeconds : double.NaN))
        );
    }

    [Fact]
    public void Of_TwoTakesWithNothingBetween_TakesTheFirstForLost() =>
        Assert.Equal(
            [TimelineEnd.Lost, TimelineEnd.None],
            Timeline.Of([At(0, "stage-taken", "a"), At(9, "stage-taken", "b")]).Spans.Select(span => span.End)
        );

    [Fact]
    public void Of_ALossWhoseOwnerWasAwayBeforeItsTake_EndsNotBeforeItBegan() =>
        Assert.Equal(Begin, Timeline.Of([At(0, "stage-taken", "a"), At(5, "owner-lost", "a", new EventCost(0, 0, 60))]).Spans[0].To);

    [Fact]
    public void Of_WhatHappenedToAMachine_IsAMark() =>
        Assert.Equal(
            "a",
            Assert.Single(Timeline.Of([new RunEvent(Begin, "preemption-notice", null, "a goes away.") { Silo = "a" }]).Marks).Silo
        );

    private static RunEvent At(int second, string kind, string silo, EventCost? cost = null) =>
        new(Begin.AddSeconds(second), kind, Stage, kind) { Silo = silo, Cost = cost };
}
