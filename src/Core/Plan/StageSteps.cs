using Slowrun.Core.Order;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Core.Plan;

/// <summary>How a stage's training set divides into rows, micro-batches, optimizer steps and data epochs.</summary>
public readonly record struct StageSteps
{
    private readonly double epochs;
    private readonly int lastEpoch;

    /// <exception cref="ArgumentException">The recipe's batch does not divide into whole micro-batches, or the set is too
    /// small.</exception>
    public StageSteps(StagePlan plan, long trainTokens)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.ImportedSha256 is not null)
        {
            // Its weights are taken over in one step.
            (Steps, MicroBatches, MicroBatchesPerEpoch, epochs, lastEpoch) = (1, 1, 1, 1, 1);
            Shape = new DataShape(plan.Model.SequenceLength, 1, 1);
            return;
        }

        var stage = plan.Stage;
        if (StageCheck.Problems(stage, plan.Model).FirstOrDefault() is { } problem)
        {
            throw new ArgumentException(problem, nameof(plan));
        }

        MicroBatches = stage.BatchTokens / (stage.DeviceRows * plan.Model.SequenceLength);
        Shape = new DataShape(plan.Model.SequenceLength, stage.DeviceRows, stage.Lanes);
        MicroBatchesPerEpoch = Shape.RowsPerEpoch(trainTokens) / stage.DeviceRows;
        Steps = StageLengths.Steps(Shape.TokensPerEpoch(trainTokens), stage.Epochs, stage.BatchTokens);
        epochs = stage.Epochs;
        lastEpoch = (int)Math.Ceiling(stage.Epochs);
    }

    /// <summary>How the training set is cut.</summary>
    public DataShape Shape { get; }

    /// <summary>Optimizer steps of the stage.</summary>
    public int Steps { get; }

    /// <summary>Micro-batches of one optimizer step.</summary>
    public int MicroBatches { get; }

    /// <summary>Rows beyond the last whole round of lanes are not trained on in that epoch.</summary>
    public long MicroBatchesPerEpoch { get; }

    public static int Of(StagePlan plan, long trainTokens) => new StageSteps(plan, trainTokens).Steps;

    /// <summary>The data epoch, from 0, in which a step's first micro-batch lies.</summary>
    public long EpochOf(int step) => (long)step * MicroBatches / MicroBatchesPerEpoch;

    /// <summary>The first step that loops.</summary>
    public int LoopFirstStep(LoopRecipe loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        return StageLengths.LoopFirstStep(
            loop.FromFraction,
            epochs,
            MicroBatchesPerEpoch * MicroBatchTokens,
            checked((int)(MicroBatches * MicroBatchTokens))
        );
    }

    private long MicroBatchTokens => (long)Shape.Rows * Shape.SequenceLength;

    /// <summary>
    /// The data epoch, counted from 1, that ended with the last of this many steps; null: none did. The stage's end is that of its last.
    /// </summary>
    public int? EndedEpoch(int stepsDone)
    {
        if (stepsDone == Steps)
        {
            return lastEpoch;
        }

        return stepsDone > 0 && EpochOf(stepsDone) is var epoch && epoch > EpochOf(stepsDone - 1) && epoch < lastEpoch ? (int)epoch : null;
    }

    /// <summary>Whether this many steps end one of the last data epochs.</summary>
    public bool EndsLateEpoch(int stepsDone, int lastEpochs) => EndedEpoch(stepsDone) > lastEpoch - lastEpochs;
}
