using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Simulation;

/// <summary>
/// What an owner does with a stage from its take on, in closed form: it restores, trains, captures whenever <see cref="CheckpointPacing"/>
/// says so, and commits behind the training. All times are seconds after the take.
/// </summary>
internal sealed class OwnerSpan
{
    private readonly int startStep;
    private readonly int steps;
    private readonly double stepSeconds;
    private readonly double restore;
    private readonly double stall;
    private readonly double behind;

    // Steps until the first capture, which measures the cost where it was not measured before, and between two of those after it.
    private readonly int first;
    private readonly int between;
    private readonly int captures;
    private readonly CheckpointPace? inherited;
    private readonly CheckpointPace measured;

    /// <param name="root">As the take wrote it.</param>
    /// <param name="slots">How many train it.</param>
    public OwnerSpan(StageRoot root, StageModel stage, FleetModel fleet, Operations operations, int slots)
    {
        (startStep, steps) = (root.DurableStep, stage.Steps);
        stepSeconds = stage.StepSeconds / fleet.SpeedOf(slots);
        restore = fleet.RestoreSeconds + (startStep > 0 ? stage.CheckpointBytes / fleet.DownloadBytesPerSecond : 0);
        stall = fleet.StallSeconds;
        behind = fleet.BehindSeconds(stage.CheckpointBytes);
        var seen = CheckpointPacing.SeenBetweenLosses(root);
        inherited = root.Current?.Pace;
        var once = CheckpointPacing.Cost(TimeSpan.FromSeconds(stall), TimeSpan.FromSeconds(behind), fleet.Processors);
        TimeSpan? before = inherited is null ? null : TimeSpan.FromSeconds(inherited.CostSeconds);
        // All of one run's machines are alike, so that the mean over earlier checkpoints is the cost of each.
        var cost = CheckpointPacing.Smoothed(before, once);
        measured = new CheckpointPace(cost.TotalSeconds, stall + behind, CheckpointPacing.Interval(operations, cost, seen).TotalSeconds);
        first = StepsUntilDue(operations, before, seen, TimeSpan.Zero);
        between = StepsUntilDue(operations, cost, seen, TimeSpan.FromSeconds(behind));
        captures = startStep + first >= steps ? 0 : 1 + ((steps - 1 - startStep - first) / between);
        TrainedAt = restore + ((steps - startStep) * stepSeconds) + (captures * stall);
        // The last commit may still be under way.
        var lastCommit = captures == 0 ? 0 : CaptureAt(captures) + stall + behind;
        EndsAt = Math.Max(TrainedAt, restore + lastCommit) + stall + fleet.BehindSeconds(stage.FinishBytes);
    }

    /// <summary>When the last step is done.</summary>
    public double TrainedAt { get; }

    /// <summary>When the stage has finished.</summary>
    public double EndsAt { get; }

    public CheckpointPace Pace => measured;

    /// <summary>The last steps that it captures, in order, up to <paramref name="step"/>.</summary>
    public IEnumerable<int> Captured(int step, int count)
    {
        var last = step < startStep + first ? 0 : Math.Min(captures, 1 + ((step - startStep - first) / between));
        return Enumerable.Range(Math.Max(1, last - count + 1), Math.Min(last, count)).Select(StepOf);
    }

    public SpanState At(double seconds)
    {
        if (seconds < restore)
        {
            return new SpanState(startStep, startStep, seconds, 0, 0, 0, 0, inherited, seconds);
        }

        var s = Math.Min(seconds, TrainedAt) - restore;
        var begun = captures == 0 || s < CaptureAt(1) ? 0 : Math.Min(captures, 1 + (int)((s - CaptureAt(1)) / Cycle));
        var stalled = begun == 0 ? 0 : ((begun - 1) * stall) + Math.Min(stall, s - CaptureAt(begun));
        var trained = s - stalled;
        // Rounding must not take a whole step away.
        var step = Math.Min(steps, startStep + (int)((trained / stepSeconds) + 1e-6));
        var elapsed = seconds - restore;
        var committed = begun == 0 || CaptureAt(begun) + stall + behind <= elapsed ? begun : begun - 1;
        var durable = committed == 0 ? startStep : StepOf(committed);
        return new SpanState(
            step,
            durable,
            restore,
            trained,
            stalled + (seconds - restore - s),
            (durable - startStep) * stepSeconds,
            committed,
            committed > 0 ? measured : inherited,
            committed < begun ? restore + CaptureAt(begun) + stall + behind : seconds
        )
        {
            BegunStep = begun == 0 ? startStep : StepOf(begun),
            WholeSteps = (step - startStep) * stepSeconds,
        };
    }

    private double Cycle => stall + (between * stepSeconds);

    /// <summary>Of the i-th capture, from 1.</summary>
    private int StepOf(int i) => startStep + first + ((i - 1) * between);

    /// <summary>After the restore, when the i-th capture begins, from 1.</summary>
    private double CaptureAt(int i) => (first * stepSeconds) + ((i - 1) * Cycle);

    /// <param name="busy">A capture waits for the commit before it.</param>
    private int StepsUntilDue(Operations operations, TimeSpan? cost, TimeSpan? seen, TimeSpan busy)
    {
        bool Due(int n)
        {
            var since = TimeSpan.FromSeconds(n * stepSeconds);
            return since >= busy && CheckpointPacing.IsDue(operations, cost, seen, n, since);
        }

        // Once due it stays due: the least such number, between 1 and one beyond the stage's end.
        var (no, yes) = (0, steps - startStep + 1);
        while (yes - no > 1)
        {
            var middle = no + ((yes - no) / 2);
            (no, yes) = Due(middle) ? (no, middle) : (middle, yes);
        }

        return yes;
    }
}

/// <summary>How far an owner has got.</summary>
/// <param name="Step">The last whole one.</param>
/// <param name="DurableStep">The last committed one.</param>
/// <param name="KeptSeconds">Training of this owner that led to <paramref name="DurableStep"/>.</param>
/// <param name="QuietAt">When no commit is under way any more, if nothing new is captured.</param>
internal sealed record SpanState(
    int Step,
    int DurableStep,
    double RestoreSeconds,
    double TrainingSeconds,
    double StallSeconds,
    double KeptSeconds,
    int Checkpoints,
    CheckpointPace? Pace,
    double QuietAt
)
{
    /// <summary>The step of the commit that is under way, else the durable one.</summary>
    public int BegunStep { get; init; }

    /// <summary>Training that led to <see cref="Step"/>.</summary>
    public double WholeSteps { get; init; }
}
