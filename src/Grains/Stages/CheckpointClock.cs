using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Decides when the next checkpoint is due, from what the last ones cost and how often machines are lost.</summary>
/// <param name="measured">By earlier owners of the stage; null: nothing yet.</param>
internal sealed class CheckpointClock(LiveOperations operations, TimeProvider time, CheckpointPace? measured = null)
{
    private long lastAt = time.GetTimestamp();
    private int lastStep;
    private TimeSpan? cost = measured is null ? null : TimeSpan.FromSeconds(measured.CostSeconds);

    /// <summary>Mean time between losses that were seen; the expected one holds where it is shorter.</summary>
    public TimeSpan? SeenBetweenLosses { get; set; }

    public TimeSpan Interval => CheckpointPacing.Interval(operations.Now, cost, SeenBetweenLosses);

    /// <summary>How long checkpoints took so far, from capture to commit; null before the first.</summary>
    public TimeSpan? Took { get; private set; } = measured is null ? null : TimeSpan.FromSeconds(measured.TookSeconds);

    /// <summary>The measurements so far, for the next owner; null: none.</summary>
    public CheckpointPace? Pace =>
        cost is { } known && Took is { } took ? new CheckpointPace(known.TotalSeconds, took.TotalSeconds, Interval.TotalSeconds) : null;

    public void Start(int step)
    {
        lastStep = step;
        lastAt = time.GetTimestamp();
    }

    /// <summary>True when a checkpoint of <paramref name="step"/> should be captured.</summary>
    public bool Due(int step) =>
        CheckpointPacing.IsDue(operations.Now, cost, SeenBetweenLosses, step - lastStep, time.GetElapsedTime(lastAt));

    public void Captured(int step) => Start(step);

    /// <param name="stall">The time that training waited: for the memory copy.</param>
    /// <param name="behind">Hashing, upload and commit, which ran behind the training and took a core's worth of it at most.</param>
    public void Committed(TimeSpan stall, TimeSpan behind)
    {
        cost = CheckpointPacing.Smoothed(cost, CheckpointPacing.Cost(stall, behind, Environment.ProcessorCount));
        Took = CheckpointPacing.Smoothed(Took, stall + behind);
    }
}
