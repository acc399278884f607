namespace Slowrun.Reading.Events;

/// <summary>Which of a run's events to return; numbers count from 0, the oldest.</summary>
/// <param name="After">From this number on; null: the last ones.</param>
/// <param name="Before">The last ones before this number.</param>
public sealed record EventsQuery(int? After = null, int? Before = null, int Limit = EventsQuery.Most)
{
    public const int Most = 1000;

    /// <summary>What is wrong with the query, in a sentence; null: nothing.</summary>
    public string? Problem =>
        After < 0 || Before < 0 || Limit is < 1 or > Most
            ? $"'after' is {After ?? 0}, 'before' {Before ?? 0} and 'limit' {Limit}; expected are 0 or more, and 1 to {Most}."
        : After is not null && Before is not null ? "Both 'after' and 'before' are given; expected is one of them."
        : null;

    /// <summary>The first number and the count, of <paramref name="total"/> events.</summary>
    public (int First, int Count) Of(int total)
    {
        var end = Math.Min(Before ?? total, total);
        var first = After is { } after ? Math.Min(after, total) : Math.Max(0, end - Limit);
        return (first, Math.Min(Limit, end - first));
    }
}

/// <summary>Some of a run's events, in the order of their times.</summary>
/// <param name="Total">Of the run, so far.</param>
/// <param name="First">Number of the first of them.</param>
public sealed record EventPage(int Total, int First, IReadOnlyList<Core.Stages.RunEvent> Events);
