using Slowrun.Core.Tensors;
using Slowrun.Training.Averaging;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>The weights at the last data epochs' ends before the stage's own, the newest first; part of the captured state.</summary>
internal sealed class LateWeights : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly Tensor[] kept;

    /// <param name="memory">Where they are kept.</param>
    public LateWeights(FlatParameters parameters, int count, HostMemory memory)
    {
        this.parameters = parameters;
        kept = [.. Enumerable.Range(0, count).Select(_ => memory.Zeros(parameters.Layout.Length))];
        State = [.. kept.SelectMany((weights, i) => NamedTensor.Pieces($"late/{i}", weights))];
    }

    public IReadOnlyList<NamedTensor> State { get; }

    /// <summary>Keeps the present weights, and drops the oldest.</summary>
    public void Push()
    {
        using var noGradient = no_grad();
        for (var i = kept.Length - 1; i > 0; i--)
        {
            kept[i].copy_(kept[i - 1]);
        }

        // Within a step, whose reading at its end waits for it.
        kept[0].copy_(parameters.Flat, nonBlocking: true);
    }

    /// <summary>Under upstream's names, with the prefix that scoring looks for.</summary>
    /// <param name="byRecency">Whether a model counts the more the later it is.</param>
    public IEnumerable<TensorData> Export(bool byRecency) =>
        kept.SelectMany(
            (weights, i) =>
                FlatBuffer
                    .Export(parameters.Layout, weights)
                    .Select(tensor => tensor with { Name = CheckpointNames.Late(i, byRecency) + tensor.Name })
        );

    public void Dispose()
    {
        foreach (var piece in State)
        {
            piece.Tensor.Dispose();
        }

        foreach (var weights in kept)
        {
            weights.Dispose();
        }
    }
}
