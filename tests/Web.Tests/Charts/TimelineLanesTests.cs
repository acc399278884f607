using Slowrun.Reading.Events;
using Slowrun.Web.Charts;

namespace Slowrun.Web.Tests.Charts;

public sealed class TimelineLanesTests
{
    private static readonly DateTimeOffset Begin = DateTimeOffset.UnixEpoch;

    [Fact]
    public void Lanes_OfStagesAtOnce_AreOneEachAndAreUsedAgain()
    {
        var placed = TimelineLanes.Of([Span("a", 0, 10), Span("b", 5, 20), Span("c", 10, 15), Span("d", 12, null), Span("e", 30, 40)]);

        Assert.Equal([("a", 0), ("b", 1), ("c", 0), ("d", 2), ("e", 0)], placed.Select(one => (one.Span.Stage, one.Lane)));
    }

    [Fact]
    public void Chart_OfTwoStagesOnOneMachine_DrawsThemBesideEachOther()
    {
        var chart = new TimelineChart(
            "x",
            new Timeline([Span("chain0/stage0", 0, 10), Span("chain1/stage0", 0, 10)], []),
            Begin.AddSeconds(20)
        );

        var heights = System
            .Xml.Linq.XDocument.Parse(chart.ToSvg())
            .Descendants()
            .Where(element => element.Name.LocalName == "rect" && (string?)element.Attribute("rx") == "2")
            .Select(bar => (string)bar.Attribute("y")!);

        Assert.Equal(2, heights.Distinct().Count());
    }

    private static TimelineSpan Span(string stage, int from, int? to) =>
        new(stage, "spot-1", Begin.AddSeconds(from), to is { } end ? Begin.AddSeconds(end) : null, TimelineEnd.Finished, null, null);
}
