using Slowrun.Core.Stages;

namespace Slowrun.Reading.Events;

/// <summary>Which stage was on which machine when, and what the changes of machine cost: derived from the run's events.</summary>
public sealed record Timeline(IReadOnlyList<TimelineSpan> Spans, IReadOnlyList<TimelineMark> Marks)
{
    private const string Unknown = "(unknown)";
    private const string Taken = EventKind.StageTaken;

    public static Timeline Of(IEnumerable<RunEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        var open = new Dictionary<string, TimelineSpan>(StringComparer.Ordinal);
        var spans = new List<TimelineSpan>();
        var marks = new List<TimelineMark>();
        // The event of the next take may have the same time as that of the end before it.
        foreach (var happened in events.OrderBy(one => one.At).ThenBy(one => one.Kind == Taken))
        {
            if (happened.Stage is not { } stage)
            {
                if (happened.Silo is { } silo)
                {
                    marks.Add(new TimelineMark(happened.At, silo, happened.Kind, happened.Message));
                }
            }
            else if (EndOf(happened.Kind) is { } end)
            {
                if (open.Remove(stage, out var ended))
                {
                    spans.Add(Ended(ended, happened, end));
                }
            }
            else if (happened.Kind == Taken)
            {
                if (open.Remove(stage, out var forgotten))
                {
                    // There is no event of its end: perhaps the store was not reachable then.
                    spans.Add(
                        forgotten with
                        {
                            To = happened.At,
                            End = TimelineEnd.Lost,
                            Why = "Another has taken it; nothing was told of its end.",
                        }
                    );
                }

                open[stage] = new TimelineSpan(stage, happened.Silo ?? Unknown, happened.At, null, TimelineEnd.None, null, null);
            }
        }

        return new Timeline(
            [.. spans.Concat(open.Values).OrderBy(span => span.From).ThenBy(span => span.Stage, StringComparer.Ordinal)],
            marks
        );
    }

    private static TimelineSpan Ended(TimelineSpan span, RunEvent happened, TimelineEnd end)
    {
        // The next owner writes the event of a loss: the lost owner had ended before.
        var to =
            happened.Cost is { AwaySeconds: > 0 and var away } && end == TimelineEnd.Lost ? happened.At.AddSeconds(-away) : happened.At;
        return span with { To = to < span.From ? span.From : to, End = end, Why = happened.Message, Cost = happened.Cost };
    }

    private static TimelineEnd? EndOf(string kind) =>
        kind switch
        {
            EventKind.StageFinished => TimelineEnd.Finished,
            EventKind.StageReleased => TimelineEnd.Released,
            EventKind.OwnerLost => TimelineEnd.Lost,
            EventKind.StageError or EventKind.StageFailed => TimelineEnd.Error,
            _ => null,
        };
}
