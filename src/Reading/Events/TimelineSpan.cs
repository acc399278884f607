using Slowrun.Core.Stages;

namespace Slowrun.Reading.Events;

/// <summary>A stage on a machine, from its take to its end there.</summary>
/// <param name="Silo">The machine's silo, as people know it.</param>
/// <param name="To">Null: it is there still.</param>
/// <param name="Why">In a sentence, for people; null while it is there.</param>
public sealed record TimelineSpan(
    string Stage,
    string Silo,
    DateTimeOffset From,
    DateTimeOffset? To,
    TimelineEnd End,
    string? Why,
    EventCost? Cost
);

public enum TimelineEnd
{
    /// <summary>It has not ended.</summary>
    None,
    Finished,

    /// <summary>Released: another silo may take it at once.</summary>
    Released,

    /// <summary>The owner was lost without a release.</summary>
    Lost,

    /// <summary>It ended with an error; it is tried again, or has failed.</summary>
    Error,
}

/// <summary>Something that happened to a machine and not to one stage: a notice, a drain.</summary>
public sealed record TimelineMark(DateTimeOffset At, string Silo, string Kind, string Message);
