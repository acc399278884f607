using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>What the workers of one step share.</summary>
internal sealed record StepWork
{
    public required int Lanes { get; init; }

    public required int MicroBatches { get; init; }

    /// <summary>Reads micro-batch i of the step; its tensor belongs to the caller's dispose scope. Called from several threads.</summary>
    public required Func<int, Device, MicroBatch> Batch { get; init; }

    /// <summary>Mean loss of each micro-batch, written by whoever computes it.</summary>
    public required double[] Losses { get; init; }

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
