using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>Forward and backward pass of one micro-batch, on one of the engine's paths (<see cref="StepPath"/>).</summary>
internal interface IMicroBatchTrainer : IDisposable
{
    /// <summary>Adds the gradient of the mean loss, times a weight, to the buffer's gradients.</summary>
    /// <param name="weight">1 / micro-batches of the step.</param>
    /// <param name="lesson">[B·T, V]: log-probabilities of an ensemble that teaches; null: none does.</param>
    /// <returns>The mean loss times the weight, float64 on the device: it was not waited for. The caller's dispose scope owns it.</returns>
    Tensor Backward(LaneBuffer buffer, in MicroBatch batch, double weight, Tensor? lesson);
}
