using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>What does not change the final bytes: may be changed at any time.</summary>
public sealed record Operations : ExtensibleRecord
{
    /// <summary>Shortest and longest time between two checkpoints of a stage.</summary>
    public TimeSpan CheckpointAtLeastEvery { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan CheckpointAtMostEvery { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A checkpoint every so many steps instead of by time: for tests and for people who want to choose themselves.</summary>
    [Range(1, int.MaxValue)]
    public int? CheckpointEverySteps { get; init; }

    /// <summary>Mean time between losses of a machine that the interval is computed for until losses were seen.</summary>
    public TimeSpan ExpectedTimeBetweenLosses { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Checkpoints kept per stage besides pinned ones; at least 2, so that a damaged one has one before it.</summary>
    [Range(2, 10_000, ErrorMessage = "a damaged checkpoint needs one before it")]
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>Takes of a stage that may end without a newer commit and without an excuse before it is failed.</summary>
    [Range(1, 1_000)]
    public int FailureBudget { get; init; } = 3;

    /// <summary>Higher runs get free slots first.</summary>
    public int Priority { get; init; }

    /// <summary>Who is told, by a webhook, that the run has finished or failed, stands still, loses machines or diverges (docs/notify.md);
    /// null: nobody.</summary>
    public IReadOnlyList<NotifyTarget>? Notify { get; init; }

    public bool Equals(Operations? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
