using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;

namespace Slowrun.Training.Lanes;

/// <summary>A gradient buffer and the leaves whose backward pass adds to it.</summary>
internal sealed class LaneBuffer : IDisposable
{
    private readonly ParameterSource source;

    public LaneBuffer(ModelRecipe model, FlatParameters parameters)
    {
        Gradients = parameters.NewGradients();
        source = new ParameterSource(parameters, Gradients);
        Weights = GptWeights.Of(model, source);
    }

    public FlatGradients Gradients { get; }

    public GptWeights Weights { get; }

    public void Dispose()
    {
        source.Dispose();
        Gradients.Dispose();
    }
}
