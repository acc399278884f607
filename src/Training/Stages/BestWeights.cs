using Slowrun.Core.Tensors;
using Slowrun.Training.Averaging;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>The weights with the lowest loss so far; part of the captured state.</summary>
internal sealed class BestWeights : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly Tensor weights;
    private readonly Tensor loss;

    /// <param name="memory">Where they are kept.</param>
    public BestWeights(FlatParameters parameters, HostMemory memory)
    {
        this.parameters = parameters;
        using var scope = NewDisposeScope();
        weights = memory.Zeros(parameters.Layout.Length);
        loss = full(1, Scalars.Of(double.PositiveInfinity), ScalarType.Float64).DetachFromDisposeScope();
        State = [.. NamedTensor.Pieces("best/parameters", weights), new NamedTensor("best/loss", loss)];
    }

    public IReadOnlyList<NamedTensor> State { get; }

    /// <summary>Keeps the present weights if they are better; of equal ones the earlier stay.</summary>
    public void Offer(double lossNats)
    {
        if (lossNats < loss.data<double>()[0])
        {
            using var noGradient = no_grad();
            weights.copy_(parameters.Flat);
            loss.fill_(Scalars.Of(lossNats));
        }
    }

    /// <summary>A copy of the best weights under upstream's names, in registration order.</summary>
    /// <exception cref="DivergedException">None was ever better than an infinite loss.</exception>
    public IReadOnlyList<TensorData> Export() =>
        double.IsFinite(loss.data<double>()[0])
            ? FlatBuffer.Export(parameters.Layout, weights)
            : throw new DivergedException("No weights had a finite loss on the evaluation set, so none can be kept as the best.");

    public void Dispose()
    {
        foreach (var piece in State)
        {
            piece.Tensor.Dispose();
        }

        weights.Dispose();
    }
}
