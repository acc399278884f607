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

    /// <param name="microBatch">Counted from the beginning of the chain for a continued stage, else of the stage.</param>
    /// <returns>[B, T + 1] int64; the caller's dispose scope owns it.</returns>
    public Tensor Read(long microBatch, Device device)
    {
        var read = new int[shape.Rows * shape.RowTokens];
        order.Read(microBatch, read);
        return tensor(read, [shape.Rows, shape.RowTokens], ScalarType.Int64).to(device);
    }
}
