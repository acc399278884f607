using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>A receiver of notices about a run, as webhooks (docs/notify.md). It holds no secret: what is one stands in the environment of
/// the silos.</summary>
public sealed record NotifyTarget : ExtensibleRecord
{
    /// <summary>Where notices are posted: <c>env:NAME</c>, a variable in the environment of the silos that holds the URL, or the URL itself
    /// where it is no secret.</summary>
    public required string Url { get; init; }

    /// <summary>slack, discord, ntfy, cloudevents or json; null: what the URL's host is known for, else json.</summary>
    public string? Format { get; init; }

    /// <summary>What it is told: finished, failed, stalled, lost, diverged; null: all of these.</summary>
    public IReadOnlyList<string>? About { get; init; }

    /// <summary>Headers of each request; a value is text, or <c>env:NAME</c>.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>It is told that the run stands still when no step was made, and nothing scored, for longer than this.</summary>
    public TimeSpan StalledAfter { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>It is told of lost machines when more than so many were lost within an hour.</summary>
    [Range(0, 1_000_000)]
    public int LostAnHour { get; init; } = 5;

    public bool Equals(NotifyTarget? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
