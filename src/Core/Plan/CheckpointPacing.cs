using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Plan;

/// <summary>When a stage's next checkpoint is due, from what the last ones cost and how often machines are lost. The owner of a stage asks
/// here, and so does a simulated one.</summary>
public static class CheckpointPacing
{
    /// <param name="cost">Training time that one takes away; null: none was measured.</param>
    /// <param name="seenBetweenLosses">Mean time between losses that were seen; the expected one holds where it is shorter.</param>
    public static TimeSpan Interval(Operations operations, TimeSpan? cost, TimeSpan? seenBetweenLosses)
    {
        ArgumentNullException.ThrowIfNull(operations);
        var between =
            seenBetweenLosses is { } seen && seen < operations.ExpectedTimeBetweenLosses ? seen : operations.ExpectedTimeBetweenLosses;
        return CheckpointInterval.Optimal(
            cost ?? TimeSpan.Zero,
            between,
            operations.CheckpointAtLeastEvery,
            operations.CheckpointAtMostEvery
        );
    }

    /// <param name="steps">Since the last capture, or the take.</param>
    /// <param name="since">Time since then.</param>
    public static bool IsDue(Operations operations, TimeSpan? cost, TimeSpan? seenBetweenLosses, int steps, TimeSpan since)
    {
        ArgumentNullException.ThrowIfNull(operations);
        if (steps == 0)
        {
            return false;
        }

        if (operations.CheckpointEverySteps is { } every)
        {
            return steps >= every;
        }

        // The first one comes early: it measures the cost, and shows that checkpoints of this stage work at all.
        return since >= (cost is null ? operations.CheckpointAtLeastEvery : Interval(operations, cost, seenBetweenLosses));
    }

    /// <summary>Training time that a checkpoint takes away.</summary>
    /// <param name="stall">What training waited for: the memory copy.</param>
    /// <param name="behind">Hashing, upload and commit, which ran behind the training and took a core's worth of it at most.</param>
    /// <param name="processors">The upload burns up to one of the machine's cores while the trainers (nice 10) give way.</param>
    public static TimeSpan Cost(TimeSpan stall, TimeSpan behind, int processors) => stall + (behind / processors);

    public static TimeSpan Smoothed(TimeSpan? before, TimeSpan measured) => before is { } old ? (old * 0.7) + (measured * 0.3) : measured;

    /// <summary>Mean time between a stage's losses, at its take; null: there was none.</summary>
    public static TimeSpan? SeenBetweenLosses(StageRoot root)
    {
        ArgumentNullException.ThrowIfNull(root);
        return root is { Preemptions: > 0 and var losses, Ledger: var spent }
            ? TimeSpan.FromSeconds((spent.TrainingSeconds + spent.LostSeconds + spent.StallSeconds + spent.RestoreSeconds) / losses)
            : null;
    }
}
