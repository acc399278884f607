namespace Slowrun.Core.Stages;

/// <summary>Something that happened to a run and that its user should know, with its cause.</summary>
/// <param name="Kind">One word in kebab case, for machines: <c>stage-taken</c>, <c>owner-lost</c>, <c>checkpoint-damaged</c>, …</param>
/// <param name="Message">One sentence, for people.</param>
public sealed record RunEvent(DateTimeOffset At, string Kind, string? Stage, string Message) : ExtensibleRecord
{
    /// <summary>Name of the silo that it happened on or to; null: on none, or not known.</summary>
    public string? Silo { get; init; }

    /// <summary>Where an owner was lost: what that cost.</summary>
    public EventCost? Cost { get; init; }
}

/// <param name="LostSteps">Steps known to be lost.</param>
/// <param name="LostSeconds">The training time in them.</param>
/// <param name="AwaySeconds">From the owner's last sign of life until another owner had the stage.</param>
public sealed record EventCost(long LostSteps, double LostSeconds, double AwaySeconds) : ExtensibleRecord;
