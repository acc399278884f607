using Slowrun.Core.Order;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Plan;

/// <summary>How a stage's training set divides into rows, micro-batches, optimizer steps and data epochs.</summary>
public readonly record struct StageSteps
{
    /// <exception cref="ArgumentException">The recipe's batch does not divide into whole micro-batches, or the set is too small.</exception>
    public StageSteps(StagePlan plan, long trainTokens)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var stage = plan.Stage;
        if (StageCheck.Problems(stage, plan.Model).FirstOrDefault() is { } problem)
        {
            throw new ArgumentException(problem, nameof(plan));
        }

        MicroBatches = stage.BatchTokens / (stage.DeviceRows * plan.Model.SequenceLength);
        Shape = new DataShape(plan.Model.SequenceLength, stage.DeviceRows, stage.Lanes);
        MicroBatchesPerEpoch = Shape.RowsPerEpoch(trainTokens) / stage.DeviceRows;
        var steps = Shape.TokensPerEpoch(trainTokens) * stage.Epochs / stage.BatchTokens;
        // Halves to even, as upstream's Python rounds.
        Steps = Math.Max(1, checked((int)Math.Round(steps, MidpointRounding.ToEven)));
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

    /// <summary>Whether a data epoch was completed by the last of this many steps, or all of them are done.</summary>
    public bool EndsEpoch(int stepsDone) =>
        stepsDone > 0 && (stepsDone == Steps || EpochOf(stepsDone) > EpochOf(stepsDone - 1));
}
