using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>One worker's micro-batches of a step: their tokens are on its device, brought there in one copy.</summary>
/// <param name="order">Numbers of the micro-batches within the step, as they will be trained on.</param>
internal sealed class StepRows(StepWork step, IReadOnlyList<int> order, Device device) : IDisposable
{
    private readonly Tensor tokens = step.Read(order, device).DetachFromDisposeScope();

    public int Count => order.Count;

    /// <param name="position">In the order; its tensor belongs to the caller's dispose scope.</param>
    public MicroBatch this[int position] => new(tokens.select(0, position).to(ScalarType.Int64), step.Settings, step.Key(order[position]));

    public void Dispose() => tokens.Dispose();
}
