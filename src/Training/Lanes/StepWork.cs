using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>What the workers of one step share.</summary>
internal sealed record StepWork
{
    public required int Lanes { get; init; }

    public required int MicroBatches { get; init; }

    /// <summary>Reads some micro-batches of the step, [their number, B, T + 1] int32, in one copy to a device. Called from several
    /// threads.</summary>
    public required Func<IReadOnlyList<int>, Device, Tensor> Read { get; init; }

    public required StepSettings Settings { get; init; }

    /// <summary>Of all randomness in a micro-batch: a function of (seed, step, micro-batch).</summary>
    public required Func<int, ulong> Key { get; init; }

    /// <summary>
    /// Each micro-batch's part of the mean loss, float64 on the device of the worker that computes and writes it: it is not read within the
    /// step. Outlives the dispose scopes of its worker.
    /// </summary>
    public required Tensor?[] Losses { get; init; }

    public CancellationToken Stop { get; init; }

    /// <summary>In the order in which they are added.</summary>
    public IEnumerable<int> MicroBatchesOf(int lane)
    {
        for (var i = lane; i < MicroBatches; i += Lanes)
        {
            yield return i;
        }
    }
}
