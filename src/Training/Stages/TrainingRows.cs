using Slowrun.Core.Order;
using Slowrun.Core.Plan;
using Slowrun.Core.Tokens;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>The tokens of each micro-batch as tensors. Safe to call from several threads.</summary>
internal sealed class TrainingRows
{
    private readonly DataOrder order;
    private readonly DataShape shape;

    public TrainingRows(StagePlan plan, StageSteps steps, TokenSet tokens)
    {
        shape = steps.Shape;
        order = new DataOrder(plan.Data.Order, tokens, shape, plan.OrderSeed ?? plan.Seed, plan.Data.FileSeed);
    }

    /// <summary>Reads micro-batches in one copy to the device.</summary>
    /// <param name="microBatches">Counted from the beginning of the chain for a continued stage, else of the stage.</param>
    /// <returns>[their number, B, T + 1] int32; the caller's dispose scope owns it.</returns>
    public Tensor Read(IReadOnlyList<long> microBatches, Device device)
    {
        var each = shape.Rows * shape.RowTokens;
        var read = new int[microBatches.Count * each];
        for (var i = 0; i < microBatches.Count; i++)
        {
            order.Read(microBatches[i], read.AsSpan(i * each, each));
        }

        using var scope = NewDisposeScope();
        return tensor(read, [microBatches.Count, shape.Rows, shape.RowTokens], ScalarType.Int32).to(device).MoveToOuterDisposeScope();
    }
}
