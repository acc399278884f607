using Slowrun.Reading.Events;

namespace Slowrun.Web.Charts;

/// <summary>Gives the stages of one machine lanes of their own where they were on it at the same time.</summary>
internal static class TimelineLanes
{
    /// <returns>Each span with its lane, from 0 on: the first one that is free again. In the order of their begins.</returns>
    public static IReadOnlyList<(TimelineSpan Span, int Lane)> Of(IEnumerable<TimelineSpan> spans)
    {
        // The end of the last span of each lane; null: it is there still.
        var ends = new List<DateTimeOffset?>();
        var placed = new List<(TimelineSpan, int)>();
        foreach (var span in spans.OrderBy(span => span.From).ThenBy(span => span.Stage, StringComparer.Ordinal))
        {
            var lane = ends.FindIndex(end => end <= span.From);
            if (lane < 0)
            {
                lane = ends.Count;
                ends.Add(null);
            }

            ends[lane] = span.To;
            placed.Add((span, lane));
        }

        return placed;
    }
}
